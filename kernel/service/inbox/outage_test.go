package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// over is an inbox over another store than its world's.
func (w *world) over(s store.Store) *inbox.Service {
	w.Service = inbox.New(inbox.Deps{Store: s, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w,
		Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "…") }})
	return w.Service
}

// TestAStoreThatBreaksIsNoRefusal: what the acceptor makes of a disk that fails under it is the store's failure, since
// a message is not to be given up for it.
func TestAStoreThatBreaksIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.refuse = wit.NewError(wit.CodeUnavailable, "the session cannot be written: the disk is full")
	b := inbox.Batch{Account: account, Access: open, Messages: []wit.Message{text("1", "a")}}
	if _, err := w.Commit(t.Context(), b); wit.CodeOf(err) != wit.CodeUnavailable || inbox.IsStoreError(err) {
		t.Errorf("refused: %v", err)
	}
	s := w.over(broken{w.store})
	if _, err := s.Commit(t.Context(), b); !inbox.IsStoreError(err) {
		t.Errorf("the store broke: %v", err)
	}
	if w.wakes != 0 || w.rows("channel.inbox") != 0 {
		t.Errorf("%d wakes, %d rows", w.wakes, w.rows("channel.inbox"))
	}
}

// broken is a store whose disk fails within each update: the error is its own, whatever the function makes of it.
type broken struct{ store.Store }

func (b broken) Update(ctx context.Context, fn func(store.Tx) error) error {
	return b.Store.Update(ctx, func(tx store.Tx) error {
		_ = fn(tx)
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	})
}

// TestAStoreThatFails is what each caller hears of, and nothing is done beside it.
func TestAStoreThatFails(t *testing.T) {
	w := newWorld(t)
	code := knock(w, account, "u1")[0]
	recorded, err := w.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Cause: errors.New("no")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.PutState(t.Context(), account, inbox.State{Version: "1"}); err != nil {
		t.Fatal(err)
	}
	faulty := storetest.NewFaulty(w.store)
	s := w.over(faulty)
	wakes := w.wakes
	for name, do := range map[string]func() error{
		"commit": func() error {
			_, err := s.Commit(t.Context(), inbox.Batch{Account: account, Access: open, Messages: []wit.Message{text("9", "a")}})
			return err
		},
		"state": func() error { _, err := s.State(t.Context(), account); return err },
		"put":   func() error { return s.PutState(t.Context(), account, inbox.State{}) },
		"record": func() error {
			_, err := s.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Cause: errors.New("no")})
			return err
		},
		"get":      func() error { _, err := s.DeadLetters().Get(t.Context(), recorded.ID); return err },
		"drop":     func() error { return s.DeadLetters().Drop(t.Context(), recorded.ID) },
		"count":    func() error { _, err := s.DeadLetters().Count(t.Context()); return err },
		"letters":  func() error { return w.call("channels.poison.list", `{}`, nil) },
		"list":     func() error { return w.call("channels.pairing.list", `{}`, nil) },
		"approved": func() error { return w.call("channels.pairing.approved", `{}`, nil) },
		"approve": func() error {
			return w.call("channels.pairing.approve", `{"channel":"chat","notify":true,"code":"`+code+`"}`, nil)
		},
		"dismiss": func() error { return w.call("channels.pairing.dismiss", `{"channel":"chat","code":"`+code+`"}`, nil) },
		"check": func() error {
			if c := s.Service().Checks[0](t.Context()); c.OK || !strings.Contains(c.Message, "the disk is full") {
				t.Errorf("check %+v", c)
			}
			return wit.NewError(wit.CodeUnavailable, "said so")
		},
	} {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			faulty.Fail(fault, 1, 1)
			if err := do(); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("%s with %s: %v", name, fault, err)
			}
		}
	}
	if w.wakes != wakes || w.rows("channel.pairing") != 1 || w.rows("channel.poison") != 1 || w.rows("channel.inbox") != 1 {
		t.Errorf("%d wakes, %d requests, %d letters", w.wakes-wakes, w.rows("channel.pairing"), w.rows("channel.poison"))
	}
}

// TestOldRecordsGoAfterAnOutage: what a failing store kept is removed an hour later.
func TestOldRecordsGoAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		faulty := storetest.NewFaulty(w.store)
		s := w.over(faulty)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		_ = knock(w, account, "u1")
		faulty.Fail(storetest.FaultCommit, 1, 2) // a minute after the start, and an hour later
		time.Sleep(2 * time.Hour)
		if n := w.rows("channel.pairing"); n != 1 {
			t.Errorf("%d requests while the store failed", n)
		}
		time.Sleep(30 * 24 * time.Hour)
		synctest.Wait()
		if a, b := w.rows("channel.pairing"), w.rows("channel.inbox"); a != 0 || b != 0 {
			t.Errorf("%d requests, %d records", a, b)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestDeadLettersAreBounded: in number, in what is kept of one, and in what a list shows of one.
func TestDeadLettersAreBounded(t *testing.T) {
	w := newWorld(t)
	record := func(a message.Account, body string) inbox.Recorded {
		t.Helper()
		r, err := w.DeadLetters().Record(t.Context(), inbox.Failure{Account: a, Cause: errors.New("no"),
			Event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Text: &body}}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	other := message.Account{Channel: "chat", ID: "other"}
	for i := range 120 {
		record(account, fmt.Sprint(i))
	}
	record(other, "x")
	for params, want := range map[string]int{
		`{}`: 100, `{"limit":110}`: 110, `{"limit":1000}`: 121, `{"limit":1000,"channel":"chat","accountId":"other"}`: 1,
		`{"limit":1000,"channel":"chat","accountId":"oth"}`: 0, `{"limit":1000,"accountId":"other"}`: 121,
	} {
		var list inbox.DeadLetterListResult
		if err := w.call("channels.poison.list", params, &list); err != nil || len(list.Events) != want {
			t.Errorf("%s: %d, %v", params, len(list.Events), err)
		}
	}
	frame := len(wit.Marshal(&wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Text: new(string)}}))
	for size, want := range map[int]string{
		64<<10 - frame:          "shown",
		64<<10 - frame + 1:      `"too large to be listed"`,
		store.MaxValue/2 + 1000: "",
	} {
		w := newWorld(t)
		body := strings.Repeat("x", size)
		r, err := w.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Cause: errors.New("no"),
			Event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Text: &body}}})
		var list struct {
			Events []struct{ Event json.RawMessage }
		}
		if err != nil || w.call("channels.poison.list", `{}`, &list) != nil || len(list.Events) != 1 {
			t.Fatal(r, err)
		}
		if got := string(list.Events[0].Event); got != want && !(want == "shown" && strings.Contains(got, body)) {
			t.Errorf("%d bytes: %.60s", size, got)
		}
	}
}

// TestWhatCameInIsCounted by channel and verdict; the same again is not.
func TestWhatCameInIsCounted(t *testing.T) {
	w := newWorld(t)
	stranger := text("3", "hi")
	stranger.Sender.ID = "u2"
	w.commit(inbox.Batch{Access: open, Messages: []wit.Message{text("1", "a"), text("2", "b"), text("1", "a")}})
	w.commit(inbox.Batch{Messages: []wit.Message{stranger}})
	m := w.Service.Service().Metrics[0]
	if got := fmt.Sprint(m.Collect()); m.Name != "carapace_messages_received_total" || got != "[{[chat accepted] 2} {[chat pairing] 1}]" {
		t.Errorf("%s: %s", m.Name, got)
	}
}

// TestAnEventThatRedactionBreaks is not kept, since nobody could read it.
func TestAnEventThatRedactionBreaks(t *testing.T) {
	w := newWorld(t)
	s := inbox.New(inbox.Deps{Store: w.store, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w,
		Redact: func(s string) string { return strings.ReplaceAll(s, `"`, "…") }})
	r, err := s.DeadLetters().Record(t.Context(), inbox.Failure{Account: account, Cause: errors.New("no"), Event: wit.ChannelEvent{Kind: wit.EventKindStart}})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.DeadLetters().Get(t.Context(), r.ID); err != nil || l.Event != nil || l.Kind != wit.EventKindStart {
		t.Errorf("%+v, %v", l, err)
	}
}
