package run_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// writes is a store that counts updates, and fails some of them after what they do.
type writes struct {
	store.Store
	n    atomic.Int64
	fail atomic.Bool
}

func (w *writes) Update(ctx context.Context, fn func(store.Tx) error) error {
	w.n.Add(1)
	return w.Store.Update(ctx, func(tx store.Tx) error {
		err := fn(tx)
		if w.fail.Load() {
			err = errors.Join(err, errors.New("the disk fails"))
		}
		return err
	})
}

// TestARunBeginsWhereItIsQueued: what nothing stands before needs two transactions from its question to its end, and what
// waits needs three.
func TestARunBeginsWhereItIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &writes{Store: store.OpenMemory()}
		first := make(chan struct{})
		w := &worker{do: func(_ context.Context, a *run.Active) error {
			if a.Run.ID == "r1" {
				<-first
			}
			return nil
		}}
		p := live(t, s, w, new(claim.Local))
		defer p.stop()
		synctest.Wait()
		submit(t, p.Service, key, "r1")
		synctest.Wait()
		if r, err := p.Find(t.Context(), "r1"); err != nil || r.State != run.Running || s.n.Load() != 1 {
			t.Errorf("%+v, %v, after %d updates", r, err, s.n.Load())
		}
		submit(t, p.Service, key, "r2")
		if r, err := p.Find(t.Context(), "r2"); err != nil || r.State != run.Queued {
			t.Errorf("%+v, %v", r, err)
		}
		close(first)
		synctest.Wait()
		if n := s.n.Load(); n != 5 {
			t.Errorf("%d updates for both", n)
		}
		for _, id := range []string{"r1", "r2"} {
			if r, err := p.Find(t.Context(), id); err != nil || r.State != run.Done || r.Resumed != 0 {
				t.Errorf("%s: %+v, %v", id, r, err)
			}
		}
	})
}

// TestNoMoreBeginThanHavePlaces: of many questions at once, those that have no place wait and do not run.
func TestNoMoreBeginThanHavePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		p := live(t, disk, &worker{do: untilStopped}, new(claim.Local)) // three places
		defer p.stop()
		synctest.Wait()
		for n := range 10 {
			go func() {
				if _, err := p.Submit(context.Background(), run.Request{Run: run.Run{ID: fmt.Sprint("r", n), Session: keyOf(fmt.Sprint(n)), Asker: fmt.Sprint(n), Text: "x"}}); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		running := 0
		for n := range 10 {
			r, err := p.Find(t.Context(), fmt.Sprint("r", n))
			if err != nil {
				t.Fatal(err)
			}
			if r.State == run.Running {
				running++
			}
		}
		if running != 3 {
			t.Errorf("%d are running", running)
		}
	})
}

// TestABeginThatIsNotCommitted leaves its place to others, and no trace.
func TestABeginThatIsNotCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &writes{Store: store.OpenMemory()}
		p := live(t, s, &worker{}, new(claim.Local))
		defer p.stop()
		synctest.Wait()
		s.fail.Store(true)
		for n := range 10 {
			id := fmt.Sprint("r", n)
			if _, err := p.Submit(t.Context(), run.Request{Run: run.Run{ID: id, Session: key, Text: id}}); err == nil {
				t.Error("it was queued")
			}
		}
		s.fail.Store(false)
		if n := run.Remembered(p.Service); n != 0 {
			t.Errorf("%d things are kept", n)
		}
		for n := range 10 {
			submit(t, p.Service, key, fmt.Sprint("r", n))
			if r, err := p.Wait(t.Context(), fmt.Sprint("r", n)); err != nil || r.State != run.Done || r.Resumed != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

// TestABegunRunAndItsEnd: who stops, resets or deletes meanwhile waits for a run that has begun and is not executed yet, and
// for no longer than that takes.
func TestABegunRunAndItsEnd(t *testing.T) {
	for name, stop := range map[string]func(*run.Service) error{
		"stop": func(s *run.Service) error {
			_, err := s.Stop(context.Background(), run.Selection{Session: key}, "rpc")
			return err
		},
		"hold": func(s *run.Service) error {
			release, err := s.Hold(context.Background(), key, true)
			release()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				claims := new(claim.Local)
				w := &worker{do: untilStopped}
				p := live(t, store.OpenMemory(), w, claims)
				defer p.stop()
				synctest.Wait()
				_, release, err := claims.Claim(t.Context(), "session/"+string(key)) // so it is not executed
				if err != nil {
					t.Fatal(err)
				}
				submit(t, p.Service, key, "r1")
				done := make(chan error)
				go func() { done <- stop(p.Service) }()
				synctest.Wait()
				release()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if r, err := p.Find(t.Context(), "r1"); err != nil || r.State != run.Aborted || r.Resumed != 0 {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

// TestABegunRunIsTakenUp: a process that ends before it executes a run that has begun leaves one that was interrupted.
func TestABegunRunIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, claims := store.OpenMemory(), new(claim.Local)
		_, release, err := claims.Claim(t.Context(), "session/"+string(key)) // so it is not executed
		if err != nil {
			t.Fatal(err)
		}
		p := live(t, disk, &worker{}, claims)
		synctest.Wait()
		submit(t, p.Service, key, "r1")
		p.stop()
		release()
		p = live(t, disk, &worker{}, claims)
		defer p.stop()
		if r, err := p.Wait(t.Context(), "r1"); err != nil || r.State != run.Done || r.Resumed != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestABeginThatFails: a run whose executor cannot begin it is not queued, and keeps no place.
func TestABeginThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		p := live(t, disk, &worker{}, new(claim.Local))
		defer p.stop()
		synctest.Wait()
		storetest.Update(t, disk, func(tx store.Tx) error {
			if _, err := session.Ensure(tx, key, message.Origin{}); err != nil {
				return err
			}
			_, err := session.RunStarted(tx, key, "another", false)
			return err
		})
		for range 10 {
			if _, err := p.Submit(t.Context(), run.Request{Run: run.Run{ID: "r1", Session: key, Text: "r1"}}); err == nil {
				t.Error("it was queued")
			}
		}
		if n := run.Remembered(p.Service); n != 0 {
			t.Errorf("%d things are kept", n)
		}
	})
}
