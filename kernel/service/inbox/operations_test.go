package inbox_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnyOperationMayFail: whatever is asked of the store for what came in, its failure is the caller's.
func TestAnyOperationMayFail(t *testing.T) {
	commit := func(s *inbox.Service, b inbox.Batch) error {
		b.Account = account
		_, err := s.Commit(context.Background(), b)
		return err
	}
	stranger := text("9", "hello")
	stranger.Sender.ID = "u9"
	for name, do := range map[string]func(*world, string) error{
		"a message": func(w *world, _ string) error {
			return commit(w.Service, inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text("9", "hey"), true, nil)}, State: &inbox.State{}})
		},
		"for later": func(w *world, _ string) error {
			return commit(w.Service, inbox.Batch{Access: inbox.Access{Group: inbox.PolicyOpen}, Messages: []wit.Message{inGroup(text("9", "hey"), false, nil)}})
		},
		"replayed": func(w *world, _ string) error { return commit(w.Service, inbox.Batch{Replayed: "chat/main/x"}) },
		"a stranger": func(w *world, _ string) error {
			return commit(w.Service, inbox.Batch{Messages: []wit.Message{stranger}})
		},
		"again": func(w *world, _ string) error {
			m := text("9", "hello")
			m.Sender.ID = "u1"
			return commit(w.Service, inbox.Batch{Messages: []wit.Message{m}})
		},
		"moved": func(w *world, _ string) error { return commit(w.Service, inbox.Batch{Moved: []wit.Move{upgraded}}) },
		"told": func(w *world, _ string) error {
			return w.Moved(context.Background(), message.Move{Account: account, From: "g1", To: upgraded.To})
		},
		"a state":   func(w *world, _ string) error { _, err := w.State(context.Background(), account); return err },
		"a failure": func(w *world, _ string) error { return failure(w, "new") },
		"the same":  func(w *world, _ string) error { return failure(w, "old") },
		"how many":  func(w *world, _ string) error { _, err := w.DeadLetters().Count(context.Background()); return err },
		"failures":  func(w *world, _ string) error { return w.call("channels.poison.list", `{}`, nil) },
		"who asks":  func(w *world, _ string) error { return w.call("channels.pairing.list", `{}`, nil) },
		"who may":   func(w *world, _ string) error { return w.call("channels.pairing.approved", `{}`, nil) },
		"a revoked": func(w *world, _ string) error {
			return w.call("channels.pairing.revoke", `{"channel":"chat","senderId":"u2"}`, nil)
		},
		"an approval": func(w *world, code string) error {
			return w.call("channels.pairing.approve", `{"channel":"chat","code":"`+code+`"}`, nil)
		},
		"old entries": func(w *world, _ string) error {
			return w.store.Update(context.Background(), func(tx store.Tx) error { _, err := inbox.PruneEntries(tx, 1<<60, 0); return err })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var code string
			storetest.AnyOperationMayFail(t, func(s store.Store) { code = prepare(t, s) }, func(s store.Store) error {
				w := newWorld(t)
				w.store = s
				w.over(s)
				return do(w, code)
			})
		})
	}
}

func failure(w *world, event string) error {
	_, err := w.DeadLetters().Record(context.Background(), inbox.Failure{
		Account: account, Cause: errors.New("no"), Next: &inbox.State{},
		Event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Text: &event}},
	})
	return err
}

// prepare has one person who asks and one who was let in, something said in a group, a failure and a state. It returns
// the code of who asks.
func prepare(t *testing.T, s store.Store) string {
	t.Helper()
	w := newWorld(t)
	w.store = s
	w.over(s)
	codes := knock(w, account, "u1", "u2")
	if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"`+codes[1]+`"}`, nil); err != nil {
		t.Fatal(err)
	}
	w.commit(inbox.Batch{Access: open, State: &inbox.State{Version: "1"}, Messages: []wit.Message{inGroup(text("1", "before"), false, nil)}})
	if err := failure(w, "old"); err != nil {
		t.Fatal(err)
	}
	return codes[0]
}

// TestTheOwnerIsToldWhy a message was refused, and who asks to write; what may come in is not talked about.
func TestTheOwnerIsToldWhy(t *testing.T) {
	direct, group := text("1", "hi"), inGroup(text("1", "hi"), true, nil)
	for name, c := range map[string]struct {
		access inbox.Access
		m      wit.Message
		want   string
	}{
		"asks":             {inbox.Access{}, direct, "somebody asks to write"},
		"listed ones only": {inbox.Access{DM: inbox.PolicyAllowlist}, direct, "dmPolicy is allowlist and the sender is not in allowFrom"},
		"no direct ones":   {inbox.Access{DM: inbox.PolicyDisabled}, direct, "dmPolicy is disabled"},
		"no such group":    {inbox.Access{}, group, "groupPolicy is allowlist and the group is not in groups"},
		"listed groups":    {inbox.Access{Group: inbox.PolicyAllowlist}, group, "groupPolicy is allowlist and the group is not in groups"},
		"no groups":        {inbox.Access{Group: inbox.PolicyDisabled}, group, "groupPolicy is disabled"},
		"may":              {open, direct, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := newWorld(t)
			w.Service = inbox.New(inbox.Deps{
				Store: w.store, Log: hclog.New(&hclog.LoggerOptions{Output: &log}), Acceptor: w, Outbox: outbox{w}, Accounts: w,
			})
			w.commit(inbox.Batch{Access: c.access, Messages: []wit.Message{text("0", ""), c.m}})
			if c.want == "" && log.Len() != 0 || !strings.Contains(log.String(), c.want) {
				t.Errorf("logged %s", &log)
			}
		})
	}
}

// household is who the owner is.
type household struct {
	owner string
	err   error
}

func (h *household) Owned() bool                      { return h.owner != "" }
func (h *household) Owns(channel, person string) bool { return h.owner == channel+":"+person }
func (h *household) Own(_ context.Context, channel, person string) error {
	if h.err == nil {
		h.owner = channel + ":" + person
	}
	return h.err
}

// TestTheFirstWhoIsLetInBecomesTheOwner where that is asked for and nobody is.
func TestTheFirstWhoIsLetInBecomesTheOwner(t *testing.T) {
	for name, c := range map[string]struct {
		house       household
		owner, said string
		code        wit.Code
	}{
		"nobody is":   {household{}, "chat:u1", "configured", ""},
		"somebody is": {household{owner: "chat:ann"}, "chat:ann", "already-configured", ""},
		"not kept":    {household{err: wit.NewError(wit.CodeUnavailable, "the file is read-only")}, "", "", wit.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Service = inbox.New(inbox.Deps{Store: w.store, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w, Owners: &c.house})
			code := knock(w, account, "u1")[0]
			var list inbox.PairingListResult
			var r inbox.PairingDecisionResult
			if err := w.call("channels.pairing.list", `{}`, &list); err != nil || list.CommandOwnerConfigured != (c.house.owner != "") {
				t.Errorf("%+v, %v", list, err)
			}
			err := w.call("channels.pairing.approve", `{"channel":"chat","bootstrapCommandOwner":true,"code":"`+code+`"}`, &r)
			if wit.CodeOf(err) != c.code || r.CommandOwnerBootstrap != c.said || c.house.owner != c.owner {
				t.Errorf("%+v, %v; the owner is %q", r, err, c.house.owner)
			}
		})
	}
}
