package run_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAStoreThatFailsAtAnyMoment keeps no run from its end for longer than it fails, urgent ones too, and is not asked
// all the time.
func TestAStoreThatFailsAtAnyMoment(t *testing.T) {
	for first := 1; first <= 14; first++ {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			t.Run(fmt.Sprint(fault, " ", first), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					disk := store.OpenMemory()
					sessiontest.Ensure(t, disk, key)
					enqueue(t, disk, key, "r1", "u1", "r2")
					s := storetest.NewFaulty(disk)
					s.Fail(fault, first, 5)
					p := live(t, s, &worker{}, new(claim.Local))
					defer p.stop()
					time.Sleep(10 * time.Second)
					if n := s.Transactions(); n > 60 {
						t.Errorf("%d transactions in ten seconds", n)
					}
					s.Fail("", 0, 0) // what is asked here is no part of it
					for _, id := range []string{"r1", "u1", "r2"} {
						if r, err := p.Find(t.Context(), id); err != nil || r.State != run.Done {
							t.Errorf("%s: %+v, %v", id, r, err)
						}
					}
				})
			})
		}
	}
}

// TestALongOutage: the store is asked again and again, a second apart, and the run goes on when it is back.
func TestALongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		sessiontest.Ensure(t, disk, key)
		enqueue(t, disk, key, "r1")
		s := storetest.NewFaulty(disk)
		s.Fail(storetest.FaultBefore, 1, 1_000_000)
		p := live(t, s, &worker{}, new(claim.Local))
		defer p.stop()
		time.Sleep(time.Minute)
		if n := s.Transactions(); n < 10 || n > 100 {
			t.Errorf("%d transactions in a minute", n)
		}
		s.Fail("", 0, 0)
		if r, err := p.Wait(t.Context(), "r1"); err != nil || r.State != run.Done {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestWhoWaitsAndLeaves: each waits for itself, and nothing is kept of those who have gone.
func TestWhoWaitsAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := live(t, store.OpenMemory(), &worker{}, new(claim.Local))
		defer p.stop()
		stayed := make(chan error)
		go func() { _, err := p.Wait(t.Context(), "r1"); stayed <- err }()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Wait(short, "r1"); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("who leaves: %v", err)
		}
		submit(t, p.Service, key, "r1")
		if err := <-stayed; err != nil {
			t.Errorf("who stays: %v", err)
		}
		if _, err := p.Wait(t.Context(), "r1"); err != nil {
			t.Error(err)
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = p.Wait(gone, "r2")
		if n := run.Waiters(p.Service); n != 0 {
			t.Errorf("%d runs are waited for", n)
		}
		release, err := p.Hold(t.Context(), key, true)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if synctest.Wait(); run.Remembered(p.Service) != 0 {
			t.Errorf("%d things are kept of what is over", run.Remembered(p.Service))
		}
	})
}

// TestNobodyGrantsClaims: runs wait until somebody does, and nobody is asked all the time.
func TestNobodyGrantsClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, claims := store.OpenMemory(), new(claimtest.Claims)
		s := storetest.NewFaulty(disk)
		claims.Fail(wit.NewError(wit.CodeUnavailable, "no connection"))
		w := &worker{}
		p := live(t, s, w, claims)
		defer p.stop()
		submit(t, p.Service, key, "r1")
		s.Fail("", 0, 0)
		time.Sleep(time.Minute)
		if n := s.Transactions(); len(w.ids()) != 0 || n > 100 {
			t.Errorf("begun %q, %d transactions in a minute", w.ids(), n)
		}
		claims.Fail(nil)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if r, err := p.Wait(ctx, "r1"); err != nil || r.State != run.Done || time.Since(began) > time.Second {
			t.Errorf("after %v: %+v, %v", time.Since(began), r, err)
		}
	})
}

// TestUrgentRunsDoNotWait for the session's running one.
func TestUrgentRunsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		w := &worker{do: func(ctx context.Context, a *run.Active) error {
			if a.Run.Urgent {
				return a.StopOthers(ctx, "/stop")
			}
			return untilStopped(ctx, a)
		}}
		p := live(t, s, w, new(claim.Local))
		defer p.stop()
		submit(t, p.Service, key, "r1", "r2")
		synctest.Wait()
		enqueue(t, s, key, "u1")
		p.Wake()
		synctest.Wait()
		for id, want := range map[string]run.State{"r1": run.Aborted, "r2": run.Aborted, "u1": run.Done} {
			if r, err := p.Find(t.Context(), id); err != nil || r.State != want {
				t.Errorf("%s: %+v, %v", id, r, err)
			}
		}
	})
}

// TestADamagedPlaceInTheQueue holds up no other, in its session or elsewhere.
func TestADamagedPlaceInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		const other = session.Key("agent:main:other")
		sessiontest.Ensure(t, disk, key, other)
		enqueue(t, disk, key, "r1", "r2")
		enqueue(t, disk, other, "o1")
		storetest.Update(t, disk, func(tx store.Tx) error {
			for rec, err := range tx.Scan("runs.queue", store.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				return tx.Put("runs.queue", rec.Key, []byte("{"))
			}
			return nil
		})
		p := live(t, disk, &worker{}, new(claim.Local))
		defer p.stop()
		submit(t, p.Service, key, "r3")
		for _, id := range []string{"r2", "r3", "o1"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if r, err := p.Wait(ctx, id); err != nil || r.State != run.Done {
				t.Errorf("%s: %+v, %v", id, r, err)
			}
			cancel()
		}
	})
}
