package run_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// claimed counts what is claimed.
type claimed struct {
	claim.Local
	n atomic.Int64
}

func (c *claimed) Try(ctx context.Context, key string) (context.Context, func(), error) {
	c.n.Add(1)
	return c.Local.Try(ctx, key)
}

// queueRun queues a run in a transaction of its own, of which nobody is told.
func queueRun(t *testing.T, s store.Store, asker, name string, n int) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		if _, err := session.Ensure(tx, keyOf(name), message.Origin{}); err != nil {
			return err
		}
		id := fmt.Sprint(asker, "/", name, "/", n)
		_, err := run.Enqueue(tx, run.Run{ID: id, Session: keyOf(name), Asker: asker, Text: id})
		return err
	})
}

// TestWhatWaitsHasNoGoroutine: sessions that wait for a place need none, whether they were asked or found at the start, where no
// worker begins for them either. Each is executed in the end, once.
func TestWhatWaitsHasNoGoroutine(t *testing.T) {
	const many, places = 5000, 3
	for name, start := range map[string]bool{"asked": false, "found": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, claims, answer := store.OpenMemory(), new(claimed), make(chan struct{})
				w := &worker{do: func(context.Context, *run.Active) error { <-answer; return nil }}
				svc := run.New(run.Deps{
					Store: storetest.Bounded(s, 20*many), Sessions: sessions(s), Executor: w, Claims: claims, Log: hclog.NewNullLogger(),
					Parallel: places,
				})
				if start {
					for n := range many {
						queueRun(t, s, fmt.Sprint("asker", n%7), fmt.Sprint("s", n), 0)
					}
				}
				before := runtime.NumGoroutine()
				p := liveOn(svc)
				defer p.stop()
				if !start {
					for n := range many {
						ask(t, svc, fmt.Sprint("asker", n%7), fmt.Sprint("s", n), 0)
					}
				}
				synctest.Wait()
				if n := runtime.NumGoroutine() - before; n > 20 {
					t.Errorf("%d goroutines for %d sessions that wait", n, many)
				}
				if n := claims.n.Load(); start && n != places {
					t.Errorf("%d workers have begun for %d places", n, places)
				}
				if n := run.Parked(svc); n != many-places {
					t.Errorf("%d sessions wait", n)
				}
				close(answer)
				synctest.Wait()
				ids := w.ids()
				slices.Sort(ids)
				if len(ids) != many || len(slices.Compact(ids)) != many || w.clash || w.peak() > places {
					t.Errorf("%d of %d were executed, %d at a time, twice in a session at once: %v", len(ids), many, w.peak(), w.clash)
				}
				if free, kept := run.Places(svc), run.Remembered(svc); free != places || kept != 0 {
					t.Errorf("%d places are free, %d things are kept", free, kept)
				}
			})
		})
	}
}

// TestASessionWaitsForItsNextRunsAsker: when the run that is to be next is stopped, the session waits no longer for
// who has as much as he may, but for who asked for the one behind it.
func TestASessionWaitsForItsNextRunsAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		w := &worker{do: func(context.Context, *run.Active) error { <-end; return nil }}
		p := liveParallel(t, store.OpenMemory(), w, new(claim.Local), hclog.NewNullLogger(), 2) // one for each asker
		defer p.stop()
		ask(t, p.Service, "flood", "busy", 0)
		ask(t, p.Service, "flood", "ours", 0)
		ask(t, p.Service, "owner", "ours", 0)
		synctest.Wait()
		if _, err := p.Stop(t.Context(), run.Selection{Session: keyOf("ours"), ID: "flood/ours/0"}, "enough"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.ids(); !slices.Equal(got, []string{"flood/busy/0", "owner/ours/0"}) {
			t.Errorf("begun: %q", got)
		}
		close(end)
		synctest.Wait()
		if free, kept := run.Places(p.Service), run.Remembered(p.Service); free != 2 || kept != 0 {
			t.Errorf("%d places are free, %d things are kept", free, kept)
		}
	})
}

// TestAPlaceIsNotKeptBesideAnother: a session that has waited for one asker, and executes a run of another one now, takes no
// place beside that.
func TestAPlaceIsNotKeptBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := map[string]chan struct{}{}
		for _, id := range []string{"a/first/0", "b/ours/0", "a/last/0"} {
			ends[id] = make(chan struct{})
		}
		w := &worker{do: func(_ context.Context, a *run.Active) error { <-ends[a.Run.ID]; return nil }}
		p := liveParallel(t, store.OpenMemory(), w, new(claim.Local), hclog.NewNullLogger(), 2) // one for each asker
		defer p.stop()
		ask(t, p.Service, "a", "first", 0)
		ask(t, p.Service, "a", "ours", 0)
		synctest.Wait()
		if _, err := p.Stop(t.Context(), run.Selection{Session: keyOf("ours"), Waiting: true}, "enough"); err != nil {
			t.Fatal(err)
		}
		ask(t, p.Service, "b", "ours", 0)
		ask(t, p.Service, "a", "last", 0)
		synctest.Wait()
		close(ends["a/first/0"])
		synctest.Wait()
		if got := w.ids(); !slices.Equal(got, []string{"a/first/0", "b/ours/0", "a/last/0"}) {
			t.Errorf("begun: %q", got)
		}
		close(ends["b/ours/0"])
		close(ends["a/last/0"])
		synctest.Wait()
		if free, kept := run.Places(p.Service), run.Remembered(p.Service); free != 2 || kept != 0 {
			t.Errorf("%d places are free, %d things are kept", free, kept)
		}
	})
}

// TestNoPlaceIsKeptForAClaim: a session that somebody else is at takes no place from others meanwhile.
func TestNoPlaceIsKeptForAClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, claims, w := store.OpenMemory(), new(claim.Local), &worker{}
		_, release, err := claims.Claim(t.Context(), "session/"+string(keyOf("theirs")))
		if err != nil {
			t.Fatal(err)
		}
		queueRun(t, s, "a", "theirs", 0)
		queueRun(t, s, "b", "ours", 0)
		p := liveParallel(t, s, w, claims, hclog.NewNullLogger(), 1)
		defer p.stop()
		if got := w.ids(); !slices.Equal(got, []string{"b/ours/0"}) {
			t.Errorf("begun: %q", got)
		}
		release()
		synctest.Wait()
		if got := w.ids(); !slices.Equal(got, []string{"b/ours/0", "a/theirs/0"}) {
			t.Errorf("begun: %q", got)
		}
	})
}

// after does something once an update has been committed, before its caller knows.
type after struct {
	store.Store
	do func()
}

func (a *after) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := a.Store.Update(ctx, fn)
	if do := a.do; do != nil {
		a.do = nil
		do()
	}
	return err
}

// TestWhatIsQueuedBehindABegin: a run that is found behind one that has begun, and whose worker has not, is not forgotten.
func TestWhatIsQueuedBehindABegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := &after{Store: store.OpenMemory()}, &worker{}
		p := liveParallel(t, s, w, new(claim.Local), hclog.NewNullLogger(), 1)
		defer p.stop()
		s.do = func() {
			queueRun(t, s.Store, "a", "ours", 1)
			p.Wake(keyOf("ours"))
			synctest.Wait()
		}
		ask(t, p.Service, "a", "ours", 0)
		synctest.Wait()
		if got := w.ids(); !slices.Equal(got, []string{"a/ours/0", "a/ours/1"}) {
			t.Errorf("begun: %q", got)
		}
	})
}

// TestNoPlaceIsLost: whatever is stopped, held, lost and started anew while sessions wait, each run ends, and all places are
// free then.
func TestNoPlaceIsLost(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 0))
			places := 1 + dice.IntN(4)
			d := &disorder{t: t, dice: dice, places: places, store: store.OpenMemory(), claims: new(claimtest.Claims)}
			d.begin()
			for n := range 150 {
				d.step(n)
			}
			for _, release := range d.holds {
				release()
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := run.Places(d.Service); n != places {
				t.Errorf("seed %d: %d of %d places are free", seed, n, places)
			}
			if n := run.Remembered(d.Service); n != 0 {
				t.Errorf("seed %d: %d things are kept", seed, n)
			}
			for _, id := range d.ids {
				if r, err := d.Find(t.Context(), id); err != nil || r.State.Live() {
					t.Errorf("seed %d: %+v, %v", seed, r, err)
				}
			}
			for n := range places { // each has a place at once
				ask(t, d.Service, fmt.Sprint("last", n), fmt.Sprint("last", n), 0)
				if r, err := d.Find(t.Context(), fmt.Sprintf("last%d/last%d/0", n, n)); err != nil || r.State == run.Queued { // one that takes no time has ended
					t.Errorf("seed %d: %+v, %v", seed, r, err)
				}
			}
			d.stop()
			if n := run.Places(d.Service); n != places {
				t.Errorf("seed %d: %d of %d places are free after the end", seed, n, places)
			}
		})
	}
}

// disorder is a service that is used at random.
type disorder struct {
	life
	t      *testing.T
	dice   *rand.Rand
	places int
	store  store.Store
	claims *claimtest.Claims
	ids    []string
	holds  []func()
}

// begin starts a process, in which runs take some seconds or fail at first.
func (d *disorder) begin() {
	w := &worker{do: func(ctx context.Context, a *run.Active) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(a.Run.Ticket%5) * time.Second):
		}
		if a.Run.Ticket%11 == 0 && a.Run.Resumed == 0 {
			return errors.New("try again")
		}
		return nil
	}}
	d.life = liveParallel(d.t, d.store, w, d.claims, hclog.NewNullLogger(), d.places)
}

// step does something, in a session.
func (d *disorder) step(n int) {
	name, asker := fmt.Sprint("s", d.dice.IntN(6)), fmt.Sprint("asker", d.dice.IntN(3))
	key := keyOf(name)
	switch d.dice.IntN(16) {
	case 0:
		_, err := d.Stop(d.t.Context(), run.Selection{Session: key, Waiting: true}, "enough")
		d.allowed(err)
	case 1: // the run that is to be next, mostly
		if len(d.ids) > 0 {
			id := d.ids[max(0, len(d.ids)-1-d.dice.IntN(8))]
			r, err := d.Find(d.t.Context(), id)
			d.allowed(err)
			_, err = d.Stop(d.t.Context(), run.Selection{Session: r.Session, ID: id}, "enough")
			d.allowed(err)
		}
	case 2:
		release, err := d.Hold(d.t.Context(), key, d.dice.IntN(2) == 0)
		d.allowed(err)
		d.holds = append(d.holds, release)
	case 3, 4:
		for _, release := range d.holds {
			release()
		}
		d.holds = nil
	case 5:
		if claim := "session/" + string(key); d.claims.Held(claim) {
			d.claims.Lose(claim)
		}
	case 6:
		if d.dice.IntN(3) == 0 {
			d.stop()
			if free := run.Places(d.Service); free != d.places {
				d.t.Errorf("%d of %d places are free after the end", free, d.places)
			}
			d.holds = nil // they end with their process
			d.begin()
		}
	case 7:
		time.Sleep(time.Duration(d.dice.IntN(3)) * time.Second)
	case 8:
		synctest.Wait()
	case 9, 10: // as a channel does it
		queueRun(d.t, d.store, asker, name, n)
		d.ids = append(d.ids, fmt.Sprint(asker, "/", name, "/", n))
		d.Wake(key)
	default:
		ask(d.t, d.Service, asker, name, n)
		d.ids = append(d.ids, fmt.Sprint(asker, "/", name, "/", n))
	}
}

// allowed checks an error of a stop. A run whose claim was lost does not end while its session is held.
func (d *disorder) allowed(err error) {
	d.t.Helper()
	if err != nil && wit.CodeOf(err) != wit.CodeTimeout {
		d.t.Error(err)
	}
}
