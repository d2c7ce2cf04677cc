package schedule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// byDue are the ids of those of an owner's jobs that are on, or off, or either, from the list of all.
func byDue(t *testing.T, s *schedule.Scheduler, has func(on bool) bool) (ids []string) {
	t.Helper()
	all, err := s.List(t.Context(), "cron")
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(j schedule.Job) bool { return !has(j.Enabled) })
	slices.SortStableFunc(all, func(a, b schedule.Job) int {
		due := func(j schedule.Job) int64 {
			if j.State.NextRunAt == 0 {
				return 1 << 60
			}
			return j.State.NextRunAt
		}
		for _, c := range []int64{due(a) - due(b), a.CreatedAt - b.CreatedAt} {
			if c != 0 {
				return int(c>>32 | 1)
			}
		}
		return 0 // they were listed by their ids
	})
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	return ids
}

// wantPages compares pages with the list of all jobs, and returns their revision.
func wantPages(t *testing.T, s *schedule.Scheduler, after string) (revision uint64) {
	t.Helper()
	for which, has := range map[schedule.Which]func(bool) bool{
		schedule.Enabled: func(on bool) bool { return on }, schedule.Disabled: func(on bool) bool { return !on }, schedule.Either: func(bool) bool { return true },
	} {
		want := byDue(t, s, has)
		for _, part := range [][2]int{{0, 2}, {1, 3}, {0, 100}, {50, 1}} {
			p, err := s.Page(t.Context(), "cron", which, part[0], part[1])
			var got []string
			for _, j := range p.Jobs {
				got = append(got, j.ID)
			}
			part[0] = min(part[0], len(want))
			if rest := want[part[0]:]; err != nil || p.Total != len(want) || !slices.Equal(got, rest[:min(part[1], len(rest))]) {
				t.Fatalf("after %s: %v from %d: %v of %d, %v; in all there are %v", after, which, part[0], got, p.Total, err, want)
			}
			revision = p.Revision
		}
	}
	return revision
}

// TestPagesAreThoseOfTheList: whatever is done to jobs, by clients and by time, and undone by a store that fails.
func TestPagesAreThoseOfTheList(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			faulty := storetest.NewFaulty(store.OpenMemory())
			s := schedule.New(schedule.Deps{Store: faulty, Claims: new(claimtest.Claims), Zone: time.UTC})
			s.Handle("cron", schedule.Handler{Fire: func(context.Context, schedule.Firing) (schedule.Result, error) { return schedule.Result{}, nil }})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- s.Run(ctx) }()
			defer func() { cancel(); <-done }()
			synctest.Wait()
			for n := range 200 {
				id := fmt.Sprint("j", r.IntN(8))
				spec := schedule.Spec{EveryMs: int64(1+r.IntN(3)) * 60_000}
				if r.IntN(2) == 0 {
					spec = schedule.Spec{At: time.Now().Add(time.Duration(r.IntN(5)) * time.Minute).UnixMilli()}
				}
				j := schedule.Job{ID: id, Owner: "cron", Enabled: r.IntN(4) > 0, Spec: spec, DeleteAfterRun: r.IntN(2) == 0}
				before := wantPages(t, s, "a while")
				if r.IntN(4) == 0 {
					faulty.Fail(storetest.FaultCommit, 1, 1)
				}
				var err error
				op := []string{"add", "set", "update", "remove", "remove all", "run", "nothing"}[r.IntN(7)]
				switch op {
				case "add":
					_, err = s.Add(ctx, j)
				case "set":
					_, err = s.Set(ctx, j)
				case "update":
					_, err = s.Update(ctx, "cron", id, func(old *schedule.Job) error { old.Enabled, old.Name = j.Enabled, fmt.Sprint(n); return nil })
				case "remove":
					err = s.Remove(ctx, "cron", id)
				case "remove all":
					if r.IntN(10) == 0 {
						err = s.RemoveAll(ctx, "cron")
					}
				case "run":
					_, _, err = s.Start(ctx, "cron", id, schedule.Force)
				}
				faulty.Fail(storetest.FaultCommit, 0, 0)
				synctest.Wait()
				if after := wantPages(t, s, op); err == nil && after == before && (op == "add" || op == "remove") {
					t.Fatalf("the revision stays %d after %s", after, op)
				}
				time.Sleep(time.Duration(r.IntN(60)) * time.Second)
				synctest.Wait()
			}
		})
	}
}

// TestPagesOfAnOldState are read from all jobs, which are put in order by a start, or the next change.
func TestPagesOfAnOldState(t *testing.T) {
	inBubble(t, func(b *bench) {
		for i := range 5 {
			b.add(fmt.Sprint("j", i), schedule.Spec{At: b.in(time.Duration(5-i) * time.Hour)})
		}
		b.stop()
		forget := func(tx store.Tx) error { return tx.Delete("schedule.count", "cron") }
		storetest.Update(b.T, b.store, forget)
		wantPages(b.T, b.s, "the loss of the order")
		b.boot()
		wantPages(b.T, b.s, "a start")
		storetest.Update(b.T, b.store, func(tx store.Tx) error {
			n, err := tx.Get("schedule.count", "cron")
			if !strings.HasPrefix(string(n), `{"on":5,"off":0,`) {
				b.Errorf("a start has counted %s", n)
			}
			return err
		})
		storetest.Update(b.T, b.store, func(tx store.Tx) error { return tx.Put("schedule.order", "cron\x00on\x00wrong", nil) })
		b.add("j9", schedule.Spec{At: b.in(time.Minute)})
		first := wantPages(b.T, b.s, "a change")
		storetest.Update(b.T, b.store, forget)
		b.add("j8", schedule.Spec{At: b.in(time.Minute)})
		if again := wantPages(b.T, b.s, "another order"); again <= first+1 {
			b.Errorf("revision %d comes after %d", again, first)
		}
	})
}

// TestAnOrderThatIsNotThatOfTheJobs, since an older program has changed them, is not used after a start.
func TestAnOrderThatIsNotThatOfTheJobs(t *testing.T) {
	later := schedule.Job{ID: "new", Owner: "cron", Enabled: true, CreatedAt: 1, State: schedule.State{NextRunAt: 1 << 45}}
	jobs := store.Table[schedule.Job]("schedule.job")
	for name, spoil := range map[string]func(tx store.Tx, j schedule.Job) error{
		"a job more":   func(tx store.Tx, _ schedule.Job) error { return jobs.Put(tx, "cron\x00new", later) },
		"a job less":   func(tx store.Tx, _ schedule.Job) error { return jobs.Delete(tx, "cron\x00j1") },
		"another time": func(tx store.Tx, j schedule.Job) error { j.State.NextRunAt++; return jobs.Put(tx, "cron\x00j1", j) },
		"switched off": func(tx store.Tx, j schedule.Job) error { j.Enabled = false; return jobs.Put(tx, "cron\x00j1", j) },
		"a place more": func(tx store.Tx, _ schedule.Job) error { return tx.Put("schedule.order", "cron\x00on\x00wrong", nil) },
		"a place less": func(tx store.Tx, _ schedule.Job) error {
			for rec, err := range tx.Scan("schedule.order", store.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				return tx.Delete("schedule.order", rec.Key)
			}
			return nil
		},
		"a damaged number": func(tx store.Tx, _ schedule.Job) error { return tx.Put("schedule.count", "cron", []byte("{")) },
		"a wrong number": func(tx store.Tx, _ schedule.Job) error {
			return tx.Put("schedule.count", "cron", []byte(`{"on":2,"off":3}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				for i := range 3 {
					b.add(fmt.Sprint("j", i), schedule.Spec{At: b.in(time.Duration(9-i) * time.Hour)})
				}
				j := b.get("j1")
				b.stop()
				storetest.Update(b.T, b.store, func(tx store.Tx) error { return spoil(tx, j) })
				b.boot()
				wantPages(b.T, b.s, name)
				b.add("j7", schedule.Spec{At: b.in(time.Hour)})
				wantPages(b.T, b.s, "a change")
			})
		})
	}
}

// TestAnOrderThatIsRight stays what it is when the gateway starts anew.
func TestAnOrderThatIsRight(t *testing.T) {
	inBubble(t, func(b *bench) {
		for i := range 3 {
			b.add(fmt.Sprint("j", i), schedule.Spec{At: b.in(time.Duration(9-i) * time.Hour)})
		}
		for _, owner := range []schedule.Owner{"cron", "plugin:p"} {
			off := schedule.Job{ID: "off", Owner: owner, Spec: schedule.Spec{EveryMs: 60_000}}
			if _, err := b.s.Add(b.Context(), off); err != nil {
				b.Fatal(err)
			}
		}
		revisions := func() (list [2]uint64) {
			for i, owner := range []schedule.Owner{"cron", "plugin:p"} {
				p, err := b.s.Page(b.Context(), owner, schedule.Disabled, 0, 10)
				if list[i] = p.Revision; err != nil || p.Total != 1 {
					b.Errorf("%s: %+v, %v", owner, p, err)
				}
			}
			return list
		}
		before := revisions()
		b.stop()
		b.boot()
		if after := revisions(); after != before {
			b.Errorf("revisions %v become %v", before, after)
		}
	})
}
