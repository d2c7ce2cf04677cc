package run_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

const key = session.Key("agent:main:main")

// sessions returns the service that owns the sessions of a store.
func sessions(s store.Store) *session.Service {
	return session.New(session.Deps{
		Store: s, Bus: &event.Bus{}, Queue: run.SessionQueue{}, Log: hclog.NewNullLogger(),
		Settings: func() session.Settings { return session.Settings{Agents: []string{"ops"}} },
	})
}

func enqueue(t *testing.T, s store.Store, k session.Key, ids ...string) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		for _, id := range ids {
			if _, err := run.Enqueue(tx, run.Run{ID: id, Session: k, Text: id, Urgent: strings.HasPrefix(id, "u")}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestQueue(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		const other = session.Key("agent:main:a")
		sessiontest.Ensure(t, s, key, other)
		enqueue(t, s, key, "r1", "u1", "r2")
		enqueue(t, s, other, "o1")
		storetest.Update(t, s, func(tx store.Tx) error {
			got, err := run.Enqueue(tx, run.Run{ID: "r1", Session: key, Text: "again"})
			if !got.Existed || got.Run.Text != "r1" {
				t.Errorf("the same id again: %+v", got)
			}
			live, err2 := run.Live(tx, store.Damaged)
			if len(live) != 2 || live[0].Key != key || !slices.Equal(live[0].Runs, []string{"r1", "r2"}) || !slices.Equal(live[0].Urgent, []string{"u1"}) {
				t.Errorf("live %+v", live)
			}
			if err2 != nil {
				return err2
			}
			return err
		})
		for id, want := range map[string]wit.Code{
			"": wit.CodeInvalid, strings.Repeat("x", 273): wit.CodeInvalid, "\xff": wit.CodeInvalid, "o1": wit.CodeConflict, strings.Repeat("x", 272): "",
		} {
			err := s.Update(t.Context(), func(tx store.Tx) error {
				if _, err := run.Enqueue(tx, run.Run{ID: id, Session: key}); err != nil || want != "" {
					return err
				}
				_, err := run.Finish(tx, id, run.Done, func(*run.Run) {})
				return err
			})
			if wit.CodeOf(err) != want || id == "" && !strings.Contains(err.Error(), "cannot be a run's id") {
				t.Errorf("enqueue %.10q: %v", id, err)
			}
		}
		start := func(id string) wit.Code {
			return storetest.Try(s, func(tx store.Tx) error { _, err := run.StartID(tx, id); return err })
		}
		finish := func(id string) wit.Code {
			return storetest.Try(s, func(tx store.Tx) error {
				_, err := run.Finish(tx, id, run.Done, func(r *run.Run) { r.Answer = "ok" })
				return err
			})
		}
		for i, c := range []struct{ got, want wit.Code }{
			{start("none"), wit.CodeNotFound},
			{start("r1"), ""},
			{start("r1"), wit.CodeConflict},
			{start("r2"), wit.CodeConflict},
			{start("u1"), ""},
			{start("u1"), wit.CodeConflict},
			{start("o1"), ""},
			{storetest.Try(s, func(tx store.Tx) error { _, _, err := session.Reset(tx, key); return err }), wit.CodeConflict},
			{storetest.Try(s, func(tx store.Tx) error { return sessions(s).Remove(tx, other, true) }), wit.CodeConflict},
			{finish("u1"), ""},
			{finish("r1"), ""},
			{finish("r1"), wit.CodeConflict},
			{start("r2"), ""},
			{finish("r2"), ""},
			{storetest.Try(s, func(tx store.Tx) error { _, err := run.Note(tx, "r2", func(*run.Run) {}); return err }), wit.CodeConflict},
		} {
			if c.got != c.want {
				t.Errorf("step %d: %q, want %q", i, c.got, c.want)
			}
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			r, err := run.Find(tx, "r1")
			if r.State != run.Done || r.Answer != "ok" || r.Ended == 0 || r.SessionID == "" {
				t.Errorf("run %+v", r)
			}
			e, _ := session.Get(tx, key)
			if e.LastRun != "r2" || e.LastRunState != session.RunState(run.Done) || e.Runs != 3 {
				t.Errorf("entry %+v", e)
			}
			if next, _, _ := run.Next(tx, key); next != "" {
				t.Errorf("next is %q", next)
			}
			return err
		})
	})
}

func TestFullQueue(t *testing.T) {
	s := store.OpenMemory()
	sessiontest.Ensure(t, s, key)
	code := wit.Code("")
	n, refused := 0, error(nil)
	for ; code == "" && n < 2000; n++ {
		code = storetest.Try(s, func(tx store.Tx) (err error) {
			_, refused = run.Enqueue(tx, run.Run{ID: fmt.Sprint(n), Session: key})
			return refused
		})
	}
	if code != wit.CodeRateLimited || n != 1001 {
		t.Errorf("%q after %d", code, n)
	}
	note := storetest.Try(s, func(tx store.Tx) error {
		return run.Tell(tx, run.SystemEvent{ID: "note", Session: key, Text: "news"})
	})
	if note != "" {
		t.Errorf("a note, which does not wait: %q", note)
	}
	for code, n = "", 0; code == "" && n < 100; n++ {
		code = storetest.Try(s, func(tx store.Tx) error {
			_, err := run.Enqueue(tx, run.Run{ID: fmt.Sprint("u", n), Session: key, Urgent: true})
			return err
		})
	}
	if code != wit.CodeRateLimited || n != 51 {
		t.Errorf("urgent ones: %q after %d", code, n)
	}
	if e := wit.AsError(refused); e.RetryAfter == nil || *e.RetryAfter <= 0 {
		t.Errorf("it does not say when to come back: %+v", e)
	}
}

// TestOldRunsAreForgotten: what ended a month ago does not answer for its id any more.
func TestOldRunsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		sessiontest.Ensure(t, s, key)
		end := func(id string) {
			enqueue(t, s, key, id)
			storetest.Update(t, s, func(tx store.Tx) error {
				_, err := run.Finish(tx, id, run.Done, func(*run.Run) {})
				return err
			})
		}
		end("old")
		time.Sleep(29 * 24 * time.Hour)
		end("r1")
		find := func() wit.Code {
			return storetest.Try(s, func(tx store.Tx) error { _, err := run.Find(tx, "old"); return err })
		}
		if code := find(); code != "" {
			t.Errorf("after 29 days: %q", code)
		}
		time.Sleep(2 * 24 * time.Hour)
		end("r2")
		if code := find(); code != wit.CodeNotFound {
			t.Errorf("after 31 days: %q", code)
		}
	})
}
