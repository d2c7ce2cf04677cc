package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// with adds a job with a policy.
func (b *bench) with(id string, spec schedule.Spec, p schedule.Policy) {
	b.Helper()
	if _, err := b.s.Add(b.Context(), schedule.Job{ID: id, Owner: "cron", Enabled: true, Spec: spec, Policy: p}); err != nil {
		b.Fatal(err)
	}
}

// dues lists for which minutes a job has run, and with "-" those that the history has as skipped, the earliest first.
func (b *bench) dues(id string) string {
	b.Helper()
	runs, err := b.s.Runs(b.Context(), "cron", id, 0)
	if err != nil {
		b.Fatal(err)
	}
	slices.Reverse(runs)
	var out []string
	for _, r := range runs {
		note := fmt.Sprint((r.Due - b.start.UnixMilli()) / 60_000)
		if r.Status == schedule.Skipped {
			note = "-" + note
		}
		out = append(out, note)
	}
	return strings.Join(out, " ")
}

// What is missed is missed in the same way while the gateway was down, while the machine slept, and where its clock was
// put forward. The jobs are due each ten minutes, and for an hour and five minutes nothing looks.
func TestCatchUp(t *testing.T) {
	gaps := map[string]func(b *bench, gap time.Duration){
		"down":   func(b *bench, gap time.Duration) { b.stop(); b.sleep(gap); b.boot() },
		"asleep": func(b *bench, gap time.Duration) { b.offset.Store(int64(gap)); b.sleep(31 * time.Second) },
		"killed": func(b *bench, gap time.Duration) { b.kill(); b.sleep(gap); b.boot() },
		"clock forward": func(b *bench, gap time.Duration) {
			b.offset.Add(int64(gap))
			b.add("wakes", schedule.Spec{At: b.in(time.Hour)})
		},
	}
	for name, gap := range gaps {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				ten := schedule.Spec{EveryMs: 600_000}
				b.with("default", ten, schedule.Policy{})
				b.with("skip", ten, schedule.Policy{CatchUp: schedule.CatchUpSkip})
				b.with("once", ten, schedule.Policy{CatchUp: schedule.CatchUpOnce})
				b.with("all", ten, schedule.Policy{CatchUp: schedule.CatchUpAll})
				b.with("three", schedule.Spec{Cron: "*/10 * * * *"}, schedule.Policy{CatchUp: schedule.CatchUpAll, CatchUpMax: 3})
				b.with("moment", schedule.Spec{At: b.in(30 * time.Minute)}, schedule.Policy{})
				b.with("moment gone", schedule.Spec{At: b.in(30 * time.Minute)}, schedule.Policy{CatchUp: schedule.CatchUpSkip})
				b.with("moment late", schedule.Spec{At: b.in(30 * time.Minute)}, schedule.Policy{CatchUp: schedule.CatchUpAll})
				b.sleep(601 * time.Second)
				gap(b, 65*time.Minute) // it is 75 minutes after the start
				b.sleep(0)
				for id, want := range map[string]string{
					"default": "10 20", "skip": "10 -20", "once": "10 20", "all": "10 20 30 40 50 60 70", "three": "10 -20 50 60 70",
					"moment": "30", "moment gone": "-30", "moment late": "30",
				} {
					if got := b.dues(id); got != want {
						b.Errorf("%s has run at %s, not %s", id, got, want)
					}
					j := b.get(id)
					if next := (j.State.NextRunAt - b.start.UnixMilli()) / 60_000; strings.HasPrefix(id, "moment") {
						if j.Enabled || j.State.NextRunAt != 0 {
							b.Errorf("%s is still due: %+v", id, j)
						}
					} else if next != 80 {
						b.Errorf("%s is due next at %d", id, next)
					}
				}
				b.sleep(5 * time.Minute)
				if got := b.dues("skip"); got != "10 -20 80" {
					b.Errorf("it goes on with %s", got)
				}
				if slices.Sort(b.keys); len(slices.Compact(slices.Clone(b.keys))) != len(b.keys) {
					b.Errorf("a key came twice: %v", b.keys)
				}
			})
		})
	}
}

// A due time that falls into a restart is late, and not missed: also who makes up for nothing runs then.
func TestLateIsNotMissed(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.with("skip", schedule.Spec{EveryMs: 600_000}, schedule.Policy{CatchUp: schedule.CatchUpSkip})
		b.sleep(599 * time.Second)
		b.stop()
		b.sleep(30 * time.Second)
		b.boot()
		b.wantFired("skip@629")
	})
}

// A time at which nothing was due when the gateway started, since its clock was ahead then, is not missed.
func TestNotMissedAfterTheClockWentBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.sleep(time.Minute)
		b.offset.Store(int64(-30 * time.Minute))
		b.with("soon", schedule.Spec{At: b.in(5 * time.Minute)}, schedule.Policy{CatchUp: schedule.CatchUpSkip})
		b.sleep(6 * time.Minute)
		b.wantFired("soon@360")
	})
}

// What is made up for waits for the run before it, whatever becomes of times that come too early otherwise.
func TestCatchUpTakesTurns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(140 * time.Second)
			return schedule.Result{}, nil
		})
		b.with("all", schedule.Spec{EveryMs: 60_000}, schedule.Policy{CatchUp: schedule.CatchUpAll, CatchUpMax: 3})
		b.stop()
		b.sleep(10*time.Minute + 30*time.Second)
		b.boot() // the tenth is late, and comes while the job runs, as do others
		b.sleep(11 * time.Minute)
		if got := b.dues("all"); got != "-1 7 8 -10 -16 -17 9 -19 -20 18" {
			b.Errorf("it has run at %s", got)
		}
	})
}

// Killed while it makes up for what it has missed, the gateway goes on where it was, and runs nothing twice.
func TestKilledWhileCatchingUp(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Resumable = true
		done := map[string]int{}
		b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
			select {
			case <-ctx.Done():
				return schedule.Result{}, ctx.Err()
			case <-time.After(10 * time.Second):
				done[f.Key]++
				return schedule.Result{}, nil
			}
		}
		b.boot()
		b.with("all", schedule.Spec{EveryMs: 3600_000}, schedule.Policy{CatchUp: schedule.CatchUpAll, CatchUpMax: 50})
		b.stop()
		b.sleep(20*time.Hour + 30*time.Minute)
		for range 12 {
			b.boot()
			b.sleep(27 * time.Second)
			b.kill()
		}
		b.boot()
		b.sleep(time.Minute)
		if got := strings.Fields(b.dues("all")); len(got) != 20 || got[0] != "60" || got[19] != "1200" {
			b.Errorf("it has run at %s", got)
		}
		for key, n := range done {
			if n != 1 {
				b.Errorf("%s was done %d times", key, n)
			}
		}
		if len(done) != 20 {
			b.Errorf("%d were done", len(done))
		}
	})
}

func TestOverlapQueued(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(25 * time.Second)
			return schedule.Result{}, nil
		})
		b.with("every", schedule.Spec{EveryMs: 10_000}, schedule.Policy{Overlap: schedule.OverlapQueue})
		b.sleep(84 * time.Second)
		b.wantFired("every@10", "every@35", "every@60") // 20 waits till 35, 40 till 60
		b.wantRuns("every", "ok() ok()")
		if runs, err := b.s.Runs(b.Context(), "cron", "every", 1); err != nil || runs[0].Due != b.start.UnixMilli()+20_000 {
			b.Errorf("the second run is for %+v, %v", runs, err)
		}
		b.kill() // what waits, does so through a crash
		b.sleep(2 * time.Second)
		b.boot()
		b.wantFired("every@10", "every@35", "every@60", "every@87")
	})
}

func TestPolicyIsChecked(t *testing.T) {
	inBubble(t, func(b *bench) {
		for _, p := range []schedule.Policy{
			{CatchUp: "some"}, {Overlap: "parallel"}, {CatchUpMax: 3}, {CatchUp: schedule.CatchUpOnce, CatchUpMax: 3},
			{CatchUp: schedule.CatchUpAll, CatchUpMax: -1}, {CatchUp: schedule.CatchUpAll, CatchUpMax: schedule.MaxCatchUp + 1},
		} {
			_, err := b.s.Add(b.Context(), schedule.Job{Owner: "cron", Spec: schedule.Spec{EveryMs: 1000}, Policy: p})
			wantCode(b, fmt.Sprint(p), err, wit.CodeInvalid)
		}
	})
}

// TestHistoryOfAllIsBounded: the oldest run of an owner is dropped, whosever it is, and never one of a job that was
// added again under the same id.
func TestHistoryOfAllIsBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("old", schedule.Spec{EveryMs: 1000})
		b.add("again", schedule.Spec{EveryMs: 1000})
		b.sleep(3 * time.Second)
		for _, id := range []string{"old", "again"} {
			if _, err := b.s.Update(b.Context(), "cron", id, func(j *schedule.Job) error { j.Enabled = false; return nil }); err != nil {
				b.Fatal(err)
			}
		}
		if err := b.s.Remove(b.Context(), "cron", "again"); err != nil {
			b.Fatal(err)
		}
		storetest.Update(b.T, b.store, func(tx store.Tx) error { // as if there had been so many
			for range schedule.MaxAllRuns - 6 {
				if _, err := tx.Next("schedule.history.cron"); err != nil {
					return err
				}
			}
			return nil
		})
		b.add("again", schedule.Spec{EveryMs: 1000})
		b.sleep(4 * time.Second)
		if got := len(strings.Fields(b.dues("old"))); got != 1 {
			b.Errorf("%d of the old runs are left", got)
		}
		if got := len(strings.Fields(b.dues("again"))); got != 4 {
			b.Errorf("%d of the new runs are kept", got)
		}
	})
}

// TestManyAreDueAtOnce: each of many jobs that are due at the same moment runs once, and a job of another kind that is
// due behind them does not wait for them.
func TestManyAreDueAtOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Parallel, b.handler.Jobs = 50, 5000
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(time.Minute)
			return schedule.Result{}, nil
		}
		other := time.Duration(0)
		b.other.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			other = time.Since(b.start)
			return schedule.Result{}, nil
		}
		b.boot()
		const many = 1200
		for i := range many {
			b.add(fmt.Sprint("j", i), schedule.Spec{At: b.in(time.Hour)})
		}
		if _, err := b.s.Add(b.Context(), schedule.Job{ID: "x", Owner: "plugin:p", Enabled: true, Spec: schedule.Spec{At: b.in(time.Hour + time.Second)}}); err != nil {
			b.Fatal(err)
		}
		b.sleep(time.Hour + 3*time.Second)
		if other == 0 || len(b.all()) != 50 {
			b.Errorf("after seconds the other kind ran at %v, and %d of the many", other, len(b.all()))
		}
		b.sleep(time.Hour)
		if all := b.all(); len(all) != many || len(slices.Compact(all)) != many {
			b.Errorf("%d have run", len(all))
		}
	})
}
