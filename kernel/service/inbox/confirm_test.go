package inbox_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// confirmer knows one token, and notes what it hears.
type confirmer struct {
	heard []string
	fault error
}

func (c *confirmer) Confirm(tx store.Tx, a message.Account, k wit.Confirmation) (bool, error) {
	c.heard = append(c.heard, "in the transaction: "+a.String()+" "+k.Token)
	if c.fault != nil {
		return false, c.fault
	}
	return k.Token == "known", tx.Put("test.confirmed", k.Token, []byte("{}"))
}

func (c *confirmer) Confirmed(_ message.Account, list []wit.Confirmation) {
	c.heard = append(c.heard, "after it: "+list[0].Token)
}

// TestConfirmationsAreCommittedWithTheirAnswer: with its messages and its state, or not at all; who waits is told
// afterwards. A token that nothing waits for is for the log, without secrets.
func TestConfirmationsAreCommittedWithTheirAnswer(t *testing.T) {
	c, log, db := new(confirmer), new(logstest.Buffer), store.OpenMemory()
	w := newWorld(t)
	s := inbox.New(inbox.Deps{
		Store: db, Log: hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug}), Acceptor: w, Outbox: outbox{w}, Accounts: w,
		Confirmer: c, Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") },
	})
	commit := func(token string) error {
		_, err := s.Commit(context.Background(), inbox.Batch{Account: account, Access: open, Messages: []wit.Message{text("m-"+token, "hello")},
			Confirmed: []wit.Confirmation{{Token: token}}, State: &inbox.State{Version: token}})
		return err
	}
	kept := func() string {
		state, err := s.State(context.Background(), account)
		if err != nil {
			t.Fatal(err)
		}
		return state.Version
	}
	if err := commit("known"); err != nil || kept() != "known" {
		t.Errorf("%v, state %s", err, kept())
	}
	if err := commit("late hunter2"); err != nil || kept() != "late hunter2" {
		t.Errorf("%v, state %s", err, kept())
	}
	if got := log.String(); strings.Count(got, "no send waits for it") != 1 || !strings.Contains(got, "late …") {
		t.Errorf("the log says %s", got)
	}
	c.fault = wit.NewError(wit.CodeUnavailable, "the disk is full")
	if err := commit("failed"); err == nil || kept() != "late hunter2" {
		t.Errorf("%v, state %s", err, kept())
	}
	want := []string{
		"in the transaction: chat/main known", "after it: known", "in the transaction: chat/main late hunter2", "after it: late hunter2",
		"in the transaction: chat/main failed",
	}
	if !slices.Equal(c.heard, want) {
		t.Errorf("told %q", c.heard)
	}
}
