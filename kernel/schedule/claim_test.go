package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// beside starts a scheduler of another gateway, on the same store and claims.
func (b *bench) beside(h schedule.Handler) *bench {
	other := &bench{T: b.T, store: b.store, claims: b.claims, start: b.start, handler: h, other: b.other}
	other.boot()
	return other
}

// nap is a handler's work that ends early with its context.
func nap(d time.Duration) func(context.Context, schedule.Firing) (schedule.Result, error) {
	return func(ctx context.Context, _ schedule.Firing) (schedule.Result, error) {
		select {
		case <-time.After(d):
			return schedule.Result{Summary: "slept"}, nil
		case <-ctx.Done():
			return schedule.Result{}, context.Cause(ctx)
		}
	}
}

// TestTwoGatewaysFireOnce: each due time is fired by one of two schedulers, also where jobs take longer than their
// interval, and each that came meanwhile is skipped once.
func TestTwoGatewaysFireOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Fire = func(_ context.Context, f schedule.Firing) (schedule.Result, error) {
			if f.Job.ID == "long" {
				time.Sleep(25 * time.Second)
			}
			return schedule.Result{}, nil
		}
		b.boot()
		other := b.beside(b.handler)
		for i := range 20 {
			b.add(fmt.Sprint("every", i), schedule.Spec{EveryMs: 10_000})
		}
		b.add("long", schedule.Spec{EveryMs: 10_000})
		b.add("once", schedule.Spec{At: b.in(5 * time.Second)})
		b.sleep(65 * time.Second)
		other.stop()
		keys := slices.Concat(b.keys, other.keys)
		slices.Sort(keys)
		if n := len(slices.Compact(slices.Clone(keys))); n != len(keys) || n != 20*6+2+1 {
			b.Errorf("%d firings, %d of them different", len(keys), n)
		}
		skipped := "skipped(the job was still running)"
		b.wantRuns("long", strings.Join([]string{"ok()", skipped, skipped, "ok()", skipped, skipped}, " "))
		b.wantRuns("once", "ok()")
	})
}

// TestAJobThatAnotherGatewayHolds is passed over while it is held, and fired when it is due still afterwards.
func TestAJobThatAnotherGatewayHolds(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("a", schedule.Spec{At: b.in(time.Second)})
		b.add("b", schedule.Spec{At: b.in(time.Second)})
		_, release, err := b.claims.Claim(b.Context(), "job/cron/a")
		if err != nil {
			b.Fatal(err)
		}
		b.sleep(10 * time.Second)
		b.wantFired("b@1")
		began := time.Now()
		_, _, err = b.s.Start(b.Context(), "cron", "a", schedule.Force)
		if wantCode(b, "forced", err, wit.CodeConflict); time.Since(began) > 5*time.Second {
			b.Errorf("refused after %v", time.Since(began))
		}
		b.sleep(time.Second / 2)
		release()
		b.sleep(2 * time.Second)
		b.wantFired("b@1", "a@13")
		if b.claims.Held("job/cron/a") {
			b.Error("held after the run")
		}
		// One that only looks is waited for.
		_, release, _ = b.claims.Claim(b.Context(), "job/cron/a")
		time.AfterFunc(time.Second, release)
		if _, ran, err := b.runNow(b.Context(), "a", schedule.Force); !ran || err != nil {
			b.Errorf("forced: %v, %v", ran, err)
		}
	})
}

// TestALostJob: the handler's context ends, its end is not recorded, and whoever gets the claim goes on with the
// same key, or records that the run was interrupted.
func TestALostJob(t *testing.T) {
	for _, resumable := range []bool{false, true} {
		t.Run(fmt.Sprintf("resumable %v", resumable), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.stop()
				ends := make(chan struct{})
				b.handler = schedule.Handler{Resumable: resumable, Fire: func(ctx context.Context, _ schedule.Firing) (schedule.Result, error) {
					<-ctx.Done()
					<-ends // it is slow to hear of it
					return schedule.Result{Summary: "too late"}, nil
				}}
				b.boot()
				b.add("once", schedule.Spec{At: b.in(time.Second)})
				b.sleep(2 * time.Second)
				other := b.beside(schedule.Handler{Resumable: resumable, Fire: nap(10 * time.Minute)})
				defer other.stop()
				other.wantFired()
				b.claims.Lose("job/cron/once")
				b.sleep(2 * time.Minute)
				close(ends)
				b.sleep(time.Second)
				if f := b.get("once").State.Firing; (f != nil) != resumable {
					b.Errorf("after the late end: %+v", f)
				}
				b.sleep(15 * time.Minute)
				b.wantFired("once@1")
				if resumable {
					if len(other.keys) != 1 || other.keys[0] != b.keys[0] {
						b.Errorf("keys %q and %q", b.keys, other.keys)
					}
					b.wantRuns("once", "ok(slept)")
				} else {
					other.wantFired()
					b.wantRuns("once", "error(interrupted: the gateway stopped while the job ran)")
				}
				if j := b.get("once"); j.State.Firing != nil || j.Enabled || b.claims.Held("job/cron/once") {
					b.Errorf("afterwards %+v, held %v", j, b.claims.Held("job/cron/once"))
				}
			})
		})
	}
}

// TestALateEndIsNotTheNextRuns: whoever lost a job and ends late writes nothing into the run that has begun meanwhile,
// which is another due time's.
func TestALateEndIsNotTheNextRuns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		ends := make(chan struct{})
		b.handler = schedule.Handler{Fire: func(ctx context.Context, _ schedule.Firing) (schedule.Result, error) {
			<-ctx.Done()
			<-ends
			return schedule.Result{Summary: "too late"}, nil
		}}
		b.boot()
		b.add("often", schedule.Spec{EveryMs: 60_000})
		b.sleep(time.Minute)
		other := b.beside(schedule.Handler{Fire: nap(30 * time.Second)})
		defer other.stop()
		b.claims.Lose("job/cron/often")
		for len(other.all()) == 0 {
			b.sleep(time.Second)
		}
		begun := b.get("often").State.Firing
		close(ends)
		b.sleep(time.Second)
		if f := b.get("often").State.Firing; f == nil || f.Key != begun.Key || f.Attempt != 1 || len(b.all()) != 1 {
			b.Errorf("%+v runs, and after the late end of another the job has %+v", begun, f)
		}
	})
}

// TestAStopLeavesAJobToAnotherGateway: what a gateway did not finish goes on in another one.
func TestAStopLeavesAJobToAnotherGateway(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler = schedule.Handler{Resumable: true, Fire: nap(time.Hour)}
		b.boot()
		b.add("once", schedule.Spec{At: b.in(time.Second)})
		b.sleep(2 * time.Second)
		other := b.beside(schedule.Handler{Resumable: true, Fire: nap(time.Second)})
		b.stop()
		if b.claims.Held("job/cron/once") {
			b.Error("held after the end")
		}
		b.sleep(2 * time.Minute)
		if len(other.keys) != 1 || other.keys[0] != b.keys[0] {
			b.Errorf("keys %q and %q", b.keys, other.keys)
		}
		other.wantRuns("once", "ok(slept)")
		other.stop()
		b.boot()
		b.wantFired("once@1")
	})
}

// TestNobodyGrantsClaims: jobs wait, and the scheduler goes on.
func TestNobodyGrantsClaims(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.claims.Fail(wit.NewError(wit.CodeUnavailable, "no connection"))
		b.boot()
		b.add("once", schedule.Spec{At: b.in(time.Second)})
		b.sleep(20 * time.Second)
		b.wantFired()
		_, _, err := b.s.Start(b.Context(), "cron", "once", schedule.Force)
		wantCode(b, "forced", err, wit.CodeUnavailable)
		b.claims.Fail(nil)
		b.sleep(5 * time.Second)
		b.wantRuns("once", "ok(done)")
	})
}
