package run_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// ask queues a run of an asker in a session.
func ask(t *testing.T, s *run.Service, asker, session string, n int) {
	t.Helper()
	id := fmt.Sprint(asker, "/", session, "/", n)
	if _, err := s.Submit(context.Background(), run.Request{Run: run.Run{ID: id, Session: keyOf(session), Asker: asker, Text: id}}); err != nil {
		t.Fatal(err)
	}
}

// TestAFloodLeavesTurns: whatever one asker has queued, another one's message is answered before a further one of the
// flood is begun.
func TestAFloodLeavesTurns(t *testing.T) {
	for name, flood := range map[string]struct{ sessions, each int }{
		"many sessions": {100, 3}, "one long queue": {1, 300}, "no more than there are places": {8, 20},
	} {
		for _, places := range []int{1, 2, 3, 8} {
			t.Run(fmt.Sprint(name, " ", places), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &worker{do: func(context.Context, *run.Active) error { time.Sleep(time.Minute); return nil }}
					p := liveParallel(t, store.OpenMemory(), w, new(claim.Local), hclog.NewNullLogger(), places)
					defer p.stop()
					for s := range flood.sessions {
						for n := range flood.each {
							ask(t, p.Service, "flood", fmt.Sprint("f", s), n)
						}
					}
					for n := range 5 {
						time.Sleep(10 * time.Second) // into the flood's runs
						before := len(w.ids())
						ask(t, p.Service, "owner", "mine", n)
						if _, err := p.Wait(context.Background(), fmt.Sprint("owner/mine/", n)); err != nil {
							t.Fatal(err)
						}
						if next := w.ids()[before]; next != fmt.Sprint("owner/mine/", n) {
							t.Errorf("%s was begun before the owner's", next)
						}
					}
					if most, had := max(1, places-(places+3)/4), w.peak(); had > most+1 {
						t.Errorf("%d at a time, %d and the owner's are right", had, most)
					}
				})
			})
		}
	}
}

// TestTurnsAreShared: askers who all ask for more than there is get the same number of turns, whatever the number of
// their sessions, and one who comes later gets as many from then on.
func TestTurnsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{do: func(context.Context, *run.Active) error { time.Sleep(time.Second); return nil }}
		p := liveParallel(t, store.OpenMemory(), w, new(claim.Local), hclog.NewNullLogger(), 4)
		defer p.stop()
		queue := func(asker string, sessions int) {
			for s := range sessions {
				for n := range 200 / sessions {
					ask(t, p.Service, asker, fmt.Sprint(asker, s), n)
				}
			}
		}
		queue("a", 40)
		queue("b", 4)
		time.Sleep(10 * time.Second)
		before := len(w.ids())
		queue("c", 10)
		time.Sleep(30*time.Second + time.Millisecond)
		got := map[byte]int{}
		for _, id := range w.ids()[before:] {
			got[id[0]]++
		}
		for asker, n := range got {
			// One place each is sure; who has the fourth is a matter of which of the runs that end together ends first.
			if n < 30 || n > 50 {
				t.Errorf("%c had %d turns of about 120 for three", asker, n)
			}
		}
		if len(got) != 3 {
			t.Errorf("turns %v", got)
		}
	})
}

// TestATurnThatIsGivenUp: who stops waiting leaves the place to the next.
func TestATurnThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		w := &worker{do: untilStopped}
		p := liveParallel(t, s, w, new(claim.Local), hclog.NewNullLogger(), 1)
		ask(t, p.Service, "a", "a", 0)
		ask(t, p.Service, "b", "b", 0)
		synctest.Wait()
		p.stop() // while b waits and a runs
		again := liveParallel(t, s, &worker{}, new(claim.Local), hclog.NewNullLogger(), 1)
		defer again.stop()
		for _, id := range []string{"a/a/0", "b/b/0"} {
			if r, err := again.Wait(context.Background(), id); err != nil || r.State != run.Done {
				t.Errorf("%s: %+v, %v", id, r, err)
			}
		}
	})
}

// TestAStoppedRunTakesNoTurn that others wait for.
func TestAStoppedRunTakesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{do: func(context.Context, *run.Active) error { time.Sleep(time.Minute); return nil }}
		p := liveParallel(t, store.OpenMemory(), w, new(claim.Local), hclog.NewNullLogger(), 1)
		defer p.stop()
		ask(t, p.Service, "a", "a", 0)
		synctest.Wait() // it has the one place
		ask(t, p.Service, "b", "b", 0)
		ask(t, p.Service, "c", "c", 0)
		synctest.Wait()
		if ids, err := p.Stop(t.Context(), run.Selection{Session: keyOf("b"), Waiting: true}, "enough"); err != nil || len(ids) != 1 {
			t.Fatalf("stopped %v, %v", ids, err)
		}
		begin := time.Now()
		if r, err := p.Wait(context.Background(), "c/c/0"); err != nil || r.State != run.Done {
			t.Errorf("%+v, %v", r, err)
		}
		if took := time.Since(begin); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// counting counts the records of a space that are gone through.
type counting struct {
	store.Store
	space string
	n     atomic.Int64
}

func (c *counting) View(ctx context.Context, fn func(store.Tx) error) error {
	return c.Store.View(ctx, func(tx store.Tx) error { return fn(countingTx{tx, c}) })
}

func (c *counting) Update(ctx context.Context, fn func(store.Tx) error) error {
	return c.Store.Update(ctx, func(tx store.Tx) error { return fn(countingTx{tx, c}) })
}

type countingTx struct {
	store.Tx
	to *counting
}

func (t countingTx) Scan(space string, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for rec, err := range t.Tx.Scan(space, r) {
			if space == t.to.space {
				t.to.n.Add(1)
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// TestAMessageLooksAtNoOtherQueue: what it costs does not grow with what waits in other sessions.
func TestAMessageLooksAtNoOtherQueue(t *testing.T) {
	looked := func(waiting int) (rows int64) {
		synctest.Test(t, func(t *testing.T) {
			s := &counting{Store: store.OpenMemory(), space: "runs.queue"}
			w := &worker{do: func(ctx context.Context, a *run.Active) error {
				if a.Run.Asker == "flood" {
					<-ctx.Done()
				}
				return ctx.Err()
			}}
			p := liveParallel(t, s, w, new(claim.Local), hclog.NewNullLogger(), 4)
			defer p.stop()
			for n := range waiting {
				ask(t, p.Service, "flood", fmt.Sprint("f", n), 0)
			}
			synctest.Wait()
			before := s.n.Load()
			for n := range 20 {
				ask(t, p.Service, "owner", "mine", n)
			}
			for n := range 20 {
				if _, err := p.Wait(context.Background(), fmt.Sprint("owner/mine/", n)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			rows = s.n.Load() - before
		})
		return rows
	}
	const others = 1000 // more than all the looks at the one queue, which has twenty places at most, in any order of events
	if rows := looked(others); rows >= others {
		t.Errorf("%d records are gone through beside %d runs of others that wait", rows, others)
	}
}

func keyOf(name string) session.Key { return session.Key("agent:main:" + name) }
