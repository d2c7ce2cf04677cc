package schedule_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestAnyOperationMayFail: whatever is asked of the store for a job, its failure is the caller's.
func TestAnyOperationMayFail(t *testing.T) {
	hourly := schedule.Job{Owner: "cron", Enabled: true, Spec: schedule.Spec{EveryMs: 3_600_000}}
	named := func(id string) schedule.Job { j := hourly; j.ID = id; return j }
	for name, do := range map[string]func(context.Context, *schedule.Scheduler) error{
		"add": func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Add(ctx, named("new")); return err },
		"add one gone": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Add(ctx, named("once"))
			return err
		},
		"set":            func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Set(ctx, named("a")); return err },
		"set damaged":    func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Set(ctx, named("bad")); return err },
		"remove":         func(ctx context.Context, s *schedule.Scheduler) error { return s.Remove(ctx, "cron", "a") },
		"remove damaged": func(ctx context.Context, s *schedule.Scheduler) error { return s.Remove(ctx, "cron", "bad") },
		"remove all":     func(ctx context.Context, s *schedule.Scheduler) error { return s.RemoveAll(ctx, "cron") },
		"get":            func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Get(ctx, "cron", "a"); return err },
		"list":           func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.List(ctx, "cron"); return err },
		"status":         func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Status(ctx, "cron"); return err },
		"page": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Page(ctx, "cron", schedule.Enabled, 0, 10)
			return err
		},
		"page of none": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Page(ctx, "other", schedule.Enabled, 0, 10)
			return err
		},
		"runs": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Runs(ctx, "cron", "a", 0)
			return err
		},
		"runs of one": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Runs(ctx, "cron", "once", 0)
			return err
		},
		"gone": func(ctx context.Context, s *schedule.Scheduler) error { _, err := s.Gone(ctx, "cron"); return err },
		"update": func(ctx context.Context, s *schedule.Scheduler) error {
			_, err := s.Update(ctx, "cron", "a", func(j *schedule.Job) error { j.Spec.EveryMs *= 2; return nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				storetest.AnyOperationMayFail(t, func(s store.Store) { prepare(t, s, named) }, func(s store.Store) error {
					return do(context.Background(), schedule.New(schedule.Deps{Store: s, Claims: new(claimtest.Claims)}))
				})
			})
		})
	}
}

// prepare has a job a with a history, a damaged one, and one that is gone.
func prepare(t *testing.T, s store.Store, named func(string) schedule.Job) {
	t.Helper()
	b := &bench{T: t, store: s, claims: new(claimtest.Claims), start: time.Now()}
	b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) { return schedule.Result{}, nil }
	b.boot()
	defer b.stop()
	for _, id := range []string{"a", "bad"} {
		if _, err := b.s.Add(t.Context(), named(id)); err != nil {
			t.Fatal(err)
		}
	}
	once := schedule.Job{ID: "once", Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Minute)}}
	if _, err := b.s.Add(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	b.sleep(90 * time.Minute)
	b.damage("schedule.job", "bad", "{")
}

// TestAnyOperationOfADayMayFail lives through the same hour again and again, and each time something else that is
// asked of the store fails once. All jobs run as often as ever, and what is recorded of them is whole.
func TestAnyOperationOfADayMayFail(t *testing.T) {
	want, total := day(t, 0)
	if total < 100 {
		t.Fatalf("a day has %d operations", total)
	}
	for fail := 1; fail <= total && !t.Failed(); fail++ {
		if got, _ := day(t, fail); got != want {
			t.Errorf("operation %d fails:\n%s\nwithout a failure:\n%s", fail, got, want)
		}
	}
}

// day returns what has become of the jobs, and how much was asked of the store.
func day(t *testing.T, fail int) (outcome string, operations int) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		b := &bench{T: t, store: disk, claims: new(claimtest.Claims), start: time.Now(), log: hclog.NewNullLogger()}
		b.handler.Resumable = true
		b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
			if f.Job.ID == "slow" { // longer than from one time to the next
				select {
				case <-time.After(10 * time.Minute):
				case <-ctx.Done():
					return schedule.Result{}, ctx.Err()
				}
			}
			return schedule.Result{Summary: "done"}, nil
		}
		b.boot()
		b.add("slow", schedule.Spec{Cron: "*/7 * * * *"})
		b.add("often", schedule.Spec{Cron: "*/5 * * * *"})
		b.add("once", schedule.Spec{At: b.in(11 * time.Minute)})
		gone := schedule.Job{ID: "gone", Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(12 * time.Minute)}}
		if _, err := b.s.Add(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		b.stop()
		page := storetest.NewBadPage(disk, fail)
		b.store = page
		b.boot()
		b.sleep(30 * time.Minute) // slow has run from 7 to 17, missed 14, and runs since 21 or 28
		b.stop()
		b.boot() // slow is taken up
		b.sleep(32 * time.Minute)
		operations = page.Operations()
		b.stop()
		b.store = disk
		b.boot()
		outcome = b.outcome(disk)
		b.stop()
	})
	return outcome, operations
}

// outcome is what the records hold.
func (b *bench) outcome(disk store.Store) string {
	b.Helper()
	var out []string
	dues := 0
	for _, id := range []string{"slow", "often", "once", "gone"} {
		runs, err := b.s.Runs(b.Context(), "cron", id, 0)
		if err != nil {
			b.Error(err)
		}
		line := id + ":"
		for _, r := range runs {
			line += fmt.Sprintf(" %s@%d", r.Status, (r.Due-b.start.UnixMilli())/60_000)
		}
		if id != "gone" {
			j := b.get(id)
			line += fmt.Sprintf(" next %d, enabled %v, last %s, %d runs", j.State.NextRunAt, j.Enabled, j.State.LastStatus, j.State.Runs)
			if j.State.NextRunAt != 0 {
				dues++
			}
		}
		out = append(out, line)
	}
	if err := disk.View(b.Context(), func(tx store.Tx) error {
		for range tx.Scan("schedule.due", store.Range{}) {
			dues--
		}
		return nil
	}); err != nil || dues != 0 {
		b.Errorf("%d jobs are not in the plan, %v", dues, err)
	}
	return strings.Join(out, "\n")
}
