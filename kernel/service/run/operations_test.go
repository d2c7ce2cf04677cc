package run_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnyOperationMayFail: whatever a step asks of the store, the step fails with it, and is not half done.
func TestAnyOperationMayFail(t *testing.T) {
	type steps = func(*run.Service, store.Tx) error
	step := func(do steps) func(*run.Service, store.Store) error {
		return func(svc *run.Service, s store.Store) error {
			return s.Update(context.Background(), func(tx store.Tx) error { return do(svc, tx) })
		}
	}
	done := func(tx store.Tx, id string) error {
		_, err := run.Finish(tx, id, run.Done, func(*run.Run) {})
		return err
	}
	for name, do := range map[string]func(*run.Service, store.Store) error{
		"enqueue": step(func(_ *run.Service, tx store.Tx) error {
			_, err := run.Enqueue(tx, run.Run{ID: "new", Session: key})
			return err
		}),
		"start":  step(func(_ *run.Service, tx store.Tx) error { _, err := run.StartID(tx, "o1"); return err }),
		"note":   step(func(_ *run.Service, tx store.Tx) error { _, err := run.Note(tx, "r1", func(*run.Run) {}); return err }),
		"begin":  step(func(svc *run.Service, tx store.Tx) error { _, err := run.Begin(svc, tx, run.Run{ID: "o1"}); return err }),
		"resume": step(func(svc *run.Service, tx store.Tx) error { _, err := run.Begin(svc, tx, run.Run{ID: "r1"}); return err }),
		"check": func(svc *run.Service, s store.Store) error {
			if c := svc.Service().Checks[0](context.Background()); !c.OK {
				return wit.NewError(wit.CodeUnavailable, c.Message)
			}
			return nil
		},
		"finish":  step(func(_ *run.Service, tx store.Tx) error { return done(tx, "r1") }),
		"urgent":  step(func(_ *run.Service, tx store.Tx) error { return done(tx, "u1") }),
		"queue":   step(func(_ *run.Service, tx store.Tx) error { _, _, err := run.Queue(tx, key, 0); return err }),
		"next":    step(func(_ *run.Service, tx store.Tx) error { _, _, err := run.Next(tx, key); return err }),
		"live":    step(func(_ *run.Service, tx store.Tx) error { _, err := run.Live(tx, store.Damaged); return err }),
		"pending": step(func(_ *run.Service, tx store.Tx) error { _, err := run.SessionQueue{}.Pending(tx, key); return err }),
		"all":     step(func(_ *run.Service, tx store.Tx) error { _, err := run.SessionQueue{}.PendingIn(tx, nil); return err }),
		"note it": step(func(_ *run.Service, tx store.Tx) error {
			return run.Tell(tx, run.SystemEvent{ID: "e1", Session: key, Text: "news"})
		}),
		"tell": step(func(_ *run.Service, tx store.Tx) error {
			return run.Tell(tx, run.SystemEvent{ID: "e1", Session: key, Text: "news", Now: true})
		}),
		"submit": func(svc *run.Service, _ store.Store) error {
			r := run.Run{ID: "new", Session: "agent:main:new", Text: "hello"}
			_, err := svc.Submit(context.Background(), run.Request{Run: r, To: session.Destination{Wanted: true, Of: key}})
			return err
		},
		"stop": func(svc *run.Service, _ store.Store) error {
			_, err := svc.Stop(context.Background(), run.Selection{Session: other, Waiting: true}, "enough")
			return err
		},
		"set aside": func(svc *run.Service, _ store.Store) error {
			_, err := svc.Stop(context.Background(), run.Selection{Session: "agent:main:damaged"}, "enough")
			return err
		},
		"queues": func(svc *run.Service, _ store.Store) error {
			_, err := svc.Service().Queues(context.Background())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				storetest.AnyOperationMayFail(t, func(s store.Store) { prepare(t, s) }, func(s store.Store) error {
					svc := run.New(run.Deps{Store: s, Sessions: sessions(s), Executor: &worker{}, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
					return do(svc, s)
				})
			})
		})
	}
}

const other = session.Key("agent:main:other")

// prepare makes runs of each kind: r1 is running, w1 and u1 wait, old may be forgotten; in another session two wait,
// and in a third the only one is damaged.
func prepare(t *testing.T, s store.Store) {
	const third = session.Key("agent:main:damaged")
	sessiontest.Ensure(t, s, key, other, third)
	enqueue(t, s, key, "old")
	storetest.Update(t, s, func(tx store.Tx) error {
		if _, err := session.Ensure(tx, key, message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: "42"}}); err != nil {
			return err
		}
		_, err := run.Finish(tx, "old", run.Done, func(*run.Run) {})
		return err
	})
	time.Sleep(31 * 24 * time.Hour)
	enqueue(t, s, key, "r1", "w1", "u1")
	enqueue(t, s, other, "o1", "o2")
	enqueue(t, s, third, "d1")
	storetest.Update(t, s, func(tx store.Tx) error { _, err := run.StartID(tx, "r1"); return err })
	damage(t, s, "d1", "{")
	storetest.Update(t, s, func(tx store.Tx) error { return tx.Put("runs.damaged", "r1", nil) }) // it was one that was damaged
}
