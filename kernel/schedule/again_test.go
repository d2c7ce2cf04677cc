package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAddedAgainWhileItRuns: a job that takes the place of one that still runs waits for its end, runs then, and has
// a history of its own.
func TestAddedAgainWhileItRuns(t *testing.T) {
	for name, c := range map[string]struct {
		spec  schedule.Spec // of the second one, which is added two seconds after the first was due
		fired []string
		runs  string
	}{
		"due meanwhile":        {schedule.Spec{At: 4000}, []string{"a@1", "a@11"}, "ok(done)"},
		"of the same due time": {schedule.Spec{At: 1000}, []string{"a@1", "a@11"}, "ok(done)"},
		"due afterwards":       {schedule.Spec{At: 15_000}, []string{"a@1", "a@15"}, "ok(done)"},
		"every so often":       {schedule.Spec{EveryMs: 15_000}, []string{"a@1", "a@18"}, "ok(done)"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.stop()
				b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
					time.Sleep(10 * time.Second)
					return schedule.Result{Summary: "done"}, nil
				}
				b.boot()
				b.add("a", schedule.Spec{At: b.in(time.Second)})
				b.sleep(3 * time.Second)
				if err := b.s.Remove(b.Context(), "cron", "a"); err != nil {
					b.Fatal(err)
				}
				if c.spec.At != 0 {
					c.spec.At += b.start.UnixMilli()
				}
				b.add("a", c.spec)
				b.sleep(5 * time.Second)
				b.wantFired("a@1")
				if j := b.get("a"); j.State.Firing != nil || j.State.LastStatus != "" {
					b.Errorf("what has not run yet: %+v", j.State)
				}
				_, _, err := b.s.Start(b.Context(), "cron", "a", schedule.Force)
				wantCode(b, "forced beside the first", err, wit.CodeConflict)
				b.sleep(9 * time.Second)
				b.sleep(10 * time.Second)
				b.wantFired(c.fired...)
				b.wantRuns("a", c.runs)
			})
		})
	}
}

// TestAOneShotWhoseTimeComesInAForcedRun is over when that ends well, and has its own time when it fails.
func TestAOneShotWhoseTimeComesInAForcedRun(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		fired []string
		runs  string
	}{
		"well": {nil, []string{"a@0"}, "ok()"},
		"not":  {wit.NewError(wit.CodeUnavailable, "no"), []string{"a@0", "a@10"}, "ok() error(no)"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.stop()
				b.handler.Fire = func(_ context.Context, f schedule.Firing) (schedule.Result, error) {
					time.Sleep(10 * time.Second)
					if f.Forced {
						return schedule.Result{}, c.err
					}
					return schedule.Result{}, nil
				}
				b.boot()
				b.add("a", schedule.Spec{At: b.in(5 * time.Second)})
				if _, _, err := b.s.Start(b.Context(), "cron", "a", schedule.Force); err != nil {
					b.Fatal(err)
				}
				b.sleep(time.Minute)
				b.wantFired(c.fired...)
				b.wantRuns("a", c.runs)
				if j := b.get("a"); j.Enabled || j.State.NextRunAt != 0 {
					b.Errorf("afterwards: %+v", j)
				}
			})
		})
	}
}

// TestStatusKnowsTheNextJob, whichever was added first.
func TestStatusKnowsTheNextJob(t *testing.T) {
	inBubble(t, func(b *bench) {
		want := func(jobs int, next int64) {
			b.Helper()
			sum, err := b.s.Status(b.Context(), "cron")
			if err != nil || sum != (schedule.Summary{Running: true, Jobs: jobs, NextRunAt: next}) {
				b.Errorf("%+v, %v; want %d jobs, the next at %d", sum, err, jobs, next)
			}
		}
		want(0, 0)
		b.add("b", schedule.Spec{At: b.in(2 * time.Hour)})
		want(1, b.in(2*time.Hour))
		b.add("c", schedule.Spec{At: b.in(time.Hour)})
		want(2, b.in(time.Hour))
		b.add("d", schedule.Spec{At: b.in(3 * time.Hour)})
		if _, err := b.s.Add(b.Context(), schedule.Job{ID: "z", Owner: "cron", Spec: schedule.Spec{At: b.in(time.Minute)}}); err != nil {
			b.Fatal(err)
		}
		want(4, b.in(time.Hour))
	})
}

// TestAStoreThatFailsAtAnyMoment: each due time is fired once all the same, and its end is in the history.
func TestAStoreThatFailsAtAnyMoment(t *testing.T) {
	for first := 1; first <= 14; first++ {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			t.Run(fmt.Sprint(fault, " ", first), func(t *testing.T) {
				inBubble(t, func(b *bench) {
					b.add("once", schedule.Spec{At: b.in(30 * time.Second)})
					b.add("every", schedule.Spec{EveryMs: 60_000})
					b.stop()
					s := storetest.NewFaulty(b.store)
					b.store = s
					s.Fail(fault, first, 3)
					b.boot()
					b.sleep(3*time.Minute + 50*time.Second)
					if n := s.Transactions(); n > 100 {
						b.Errorf("%d transactions", n)
					}
					slices.Sort(b.keys)
					if keys := slices.Compact(slices.Clone(b.keys)); len(keys) != len(b.keys) || len(keys) != 4 {
						b.Errorf("fired %v", b.all())
					}
					b.wantRuns("once", "ok(done)")
					b.wantRuns("every", "ok(done) ok(done) ok(done)")
				})
			})
		}
	}
}

// TestAForcedOneShotThatIsDeleted leaves its history, and nothing that would be due later.
func TestAForcedOneShotThatIsDeleted(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		var last schedule.Change
		b.other = schedule.Handler{
			Fire:    func(context.Context, schedule.Firing) (schedule.Result, error) { return schedule.Result{}, nil },
			Changed: func(c schedule.Change) { last = c },
		}
		b.boot()
		ctx := b.Context()
		if _, err := b.s.Add(ctx, schedule.Job{ID: "a", Owner: "plugin:p", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Hour)}}); err != nil {
			b.Fatal(err)
		}
		_, done, err := b.s.Start(ctx, "plugin:p", "a", schedule.Force)
		if err != nil {
			b.Fatal(err)
		}
		<-done
		b.sleep(0)
		if last.Action != schedule.Removed || last.Job.State.NextRunAt != 0 {
			b.Errorf("the last news: %+v", last)
		}
		err = b.store.View(ctx, func(tx store.Tx) error {
			for _, space := range []string{"schedule.job", "schedule.due"} {
				for rec := range tx.Scan(space, store.Range{}) {
					b.Errorf("%s/%q is left", space, rec.Key)
				}
			}
			return nil
		})
		if err != nil {
			b.Error(err)
		}
	})
}

// TestAnInterruptedJobHasItsMissedTimeToo: the one that came while the gateway was down is run, once.
func TestAnInterruptedJobHasItsMissedTimeToo(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(nap(10 * time.Second))
		b.add("a", schedule.Spec{EveryMs: 60_000})
		b.sleep(65 * time.Second)
		b.kill()
		b.sleep(2 * time.Minute) // it is 3:05
		b.boot()
		b.sleep(50 * time.Second)
		b.wantFired("a@60", "a@185")
		b.wantRuns("a", "ok(slept) error(interrupted: the gateway stopped while the job ran)")
		b.sleep(10 * time.Second)
		b.wantFired("a@60", "a@185", "a@240")
	})
}

// TestRemovedWhileItRuns: the end is told of the job as it was begun, which has no time any more, and is no fault.
func TestRemovedWhileItRuns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(nap(10 * time.Second))
		b.add("a", schedule.Spec{EveryMs: 60_000})
		b.sleep(65 * time.Second)
		if err := b.s.Remove(b.Context(), "cron", "a"); err != nil {
			b.Fatal(err)
		}
		b.sleep(time.Minute)
		last := b.changes[len(b.changes)-1]
		state := last.Job.State
		if last.Action != schedule.Finished || last.Job.ID != "a" || last.Run.Summary != "slept" || state.NextRunAt != 0 || state.RunningAt != 0 || state.Firing != nil {
			b.Errorf("in the end %+v", last)
		}
		b.wantFired("a@60")
	})
}

// TestForcedWhileItRuns is refused at once, and nothing was missed.
func TestForcedWhileItRuns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(nap(90 * time.Second))
		b.add("a", schedule.Spec{EveryMs: 60_000})
		b.sleep(65 * time.Second)
		began := time.Now()
		_, _, err := b.runNow(b.Context(), "a", schedule.Force)
		wantCode(b, "forced", err, wit.CodeConflict)
		if d := time.Since(began); d != 0 {
			b.Errorf("refused after %v", d)
		}
		b.wantRuns("a", "")
	})
}

// TestWhoWaitsForARunThatIsLeft hears why it has no end yet.
func TestWhoWaitsForARunThatIsLeft(t *testing.T) {
	for why, leave := range map[string]func(*bench){
		"the gateway stops, the job goes on at its next start": func(b *bench) {
			b.stop()
			b.stop = func() {}
		},
		"the job's claim was lost, who has it now goes on": func(b *bench) { b.claims.Lose("job/cron/a") },
	} {
		inBubble(t, func(b *bench) {
			b.stop()
			b.handler.Fire, b.handler.Resumable = nap(time.Hour), true
			b.boot()
			b.add("a", schedule.Spec{EveryMs: 86_400_000})
			_, done, err := b.s.Start(b.Context(), "cron", "a", schedule.Force)
			if err != nil {
				b.Fatal(err)
			}
			b.sleep(time.Second)
			leave(b)
			if run := <-done; run.Status != schedule.Failed || run.Error != why {
				b.Errorf("%+v, want %s", run, why)
			}
		})
	}
}
