package schedule_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// bench is a scheduler in a synctest bubble, whose "cron" jobs are noted as they run. It can be stopped,
// killed and started again over the same store.
type bench struct {
	*testing.T
	store   store.Store
	log     hclog.Logger // nil logs nothing
	claims  *claimtest.Claims
	s       *schedule.Scheduler
	offset  atomic.Int64 // of the wall clock from the bubble's, a time.Duration
	handler schedule.Handler
	other   schedule.Handler // of plugins
	mu      sync.Mutex
	fired   []string // "id@seconds since the start" and the attempt, if not the first
	keys    []string
	events  []string
	changes []schedule.Change // as events
	start   time.Time
	stop    func()
}

// inBubble runs test with a scheduler that has been started at 2000-01-01 00:00:00 UTC.
func inBubble(t *testing.T, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, store: store.OpenMemory(), claims: new(claimtest.Claims), start: time.Now()}
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			return schedule.Result{Summary: "done"}, nil
		}
		b.boot()
		test(b)
		b.stop()
	})
}

// handle starts again, with jobs that do this.
func (b *bench) handle(fire func(context.Context, schedule.Firing) (schedule.Result, error)) {
	b.stop()
	b.handler.Fire = fire
	b.boot()
}

func (b *bench) boot() {
	b.s = schedule.New(schedule.Deps{Store: storetest.Bounded(b.store, 1_000_000), Claims: b.claims, Logger: b.log, Zone: time.UTC, Now: func() time.Time { return time.Now().Add(time.Duration(b.offset.Load())) }})
	h := b.handler
	fire := h.Fire
	h.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
		note := fmt.Sprintf("%s@%d", f.Job.ID, int(time.Since(b.start).Seconds()))
		if f.Attempt > 1 {
			note += fmt.Sprintf("/%d", f.Attempt)
		}
		b.mu.Lock()
		b.fired, b.keys = append(b.fired, note), append(b.keys, f.Key)
		b.mu.Unlock()
		return fire(ctx, f)
	}
	h.Changed = func(c schedule.Change) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events, b.changes = append(b.events, string(c.Action)+" "+c.Job.ID), append(b.changes, c)
	}
	b.s.Handle("cron", h)
	b.s.Handle("plugin", b.other)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.s.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.Errorf("run: %v", err)
		}
	}
	synctest.Wait()
}

// kill ends the scheduler as a crash would: nothing of what it does after this reaches the store.
func (b *bench) kill() {
	saved := b.store
	b.store = store.OpenMemory()
	copyStore(b.T, saved, b.store)
	b.stop()
}

func copyStore(t *testing.T, from, to store.Store) {
	t.Helper()
	err := from.View(context.Background(), func(src store.Tx) error {
		return to.Update(context.Background(), func(dst store.Tx) error {
			for _, space := range []string{"schedule.job", "schedule.due", "schedule.begun", "schedule.run"} {
				for rec, err := range src.Scan(space, store.Range{}) {
					if err := errors.Join(err, dst.Put(space, rec.Key, rec.Value)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) add(id string, spec schedule.Spec) schedule.Job {
	b.Helper()
	j, err := b.s.Add(b.Context(), schedule.Job{ID: id, Owner: "cron", Enabled: true, Spec: spec})
	if err != nil {
		b.Fatal(err)
	}
	return j
}

func (b *bench) in(d time.Duration) int64 {
	return time.Now().Add(time.Duration(b.offset.Load()) + d).UnixMilli()
}

func (b *bench) get(id string) schedule.Job {
	b.Helper()
	j, err := b.s.Get(b.Context(), "cron", id)
	if err != nil {
		b.Fatal(err)
	}
	return j
}

// runNow runs one of cron's jobs and waits for its record until ctx ends; ran is false if it was not due.
func (b *bench) runNow(ctx context.Context, id string, mode schedule.Mode) (run schedule.Run, ran bool, err error) {
	_, done, err := b.s.Start(ctx, "cron", id, mode)
	if err != nil || done == nil {
		return schedule.Run{}, false, err
	}
	select {
	case run = <-done:
		return run, true, nil
	case <-ctx.Done():
		return schedule.Run{}, true, wit.Errorf(wit.CodeTimeout, "job %q still runs: %w", id, ctx.Err())
	}
}

func (b *bench) sleep(d time.Duration) { time.Sleep(d); synctest.Wait() }

// all returns what has been fired so far, in order of time and then of id.
func (b *bench) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortFunc(b.fired, func(x, y string) int {
		return cmp.Or(cmp.Compare(second(x), second(y)), strings.Compare(x, y))
	})
	return slices.Clone(b.fired)
}

func (b *bench) wantFired(want ...string) {
	b.Helper()
	if got := strings.Join(b.all(), " "); got != strings.Join(want, " ") {
		b.Errorf("fired %s; want %s", got, strings.Join(want, " "))
	}
}

func second(note string) int {
	_, at, _ := strings.Cut(note, "@")
	at, _, _ = strings.Cut(at, "/")
	n, _ := strconv.Atoi(at)
	return n
}

func (b *bench) wantRuns(id, want string) {
	b.Helper()
	runs, err := b.s.Runs(b.Context(), "cron", id, 0)
	var got []string
	for _, r := range runs {
		got = append(got, string(r.Status)+"("+r.Error+r.Summary+")")
	}
	if strings.Join(got, " ") != want || err != nil {
		b.Errorf("runs of %s: %s, %v; want %s", id, got, err, want)
	}
}

func wantCode(t testing.TB, what string, err error, code wit.Code) {
	t.Helper()
	if wit.CodeOf(err) != code {
		t.Errorf("%s: %v (code %q), want code %q", what, err, wit.CodeOf(err), code)
	}
}

func TestTimes(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("once", schedule.Spec{At: b.in(90 * time.Second)})
		b.add("past", schedule.Spec{At: b.in(-time.Hour)})
		b.add("every", schedule.Spec{EveryMs: 40_000})
		b.add("cron", schedule.Spec{Cron: "* * * * *"})
		b.sleep(125 * time.Second)
		b.wantFired("past@0", "every@40", "cron@60", "every@80", "once@90", "cron@120", "every@120")
		if j := b.get("once"); j.Enabled || j.State.NextRunAt != 0 || j.State.LastStatus != schedule.OK {
			b.Errorf("a one-shot after its time: %+v", j)
		}
		if j := b.get("every"); j.State.NextRunAt != b.start.Add(160*time.Second).UnixMilli() || j.State.Runs != 3 {
			b.Errorf("an interval: %+v", j)
		}
		seen := map[string]bool{}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, k := range b.keys {
			if seen[k] {
				b.Errorf("key %s comes twice", k)
			}
			seen[k] = true
		}
	})
}

func TestLongWait(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("yearly", schedule.Spec{Cron: "0 12 10 2 *", TZ: "Europe/Vienna"})
		b.sleep(45 * 24 * time.Hour)
		day := int(time.Date(2000, 2, 10, 11, 0, 0, 0, time.UTC).Sub(b.start).Seconds())
		b.wantFired(fmt.Sprintf("yearly@%d", day))
	})
}

func TestReadingChangesNothing(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop() // nothing runs
		b.add("every", schedule.Spec{EveryMs: 60_000})
		before := b.get("every")
		b.sleep(time.Hour)
		for range 3 {
			list, err := b.s.List(b.Context(), "cron")
			sum, err2 := b.s.Status(b.Context(), "cron")
			if err != nil || err2 != nil || len(list) != 1 || !reflect.DeepEqual(list[0].State, before.State) || sum.NextRunAt != before.State.NextRunAt || sum.Running || sum.Jobs != 1 {
				b.Errorf("list %+v, status %+v, %v, %v", list, sum, err, err2)
			}
		}
		b.boot()
		b.wantFired("every@3600") // missed sixty times, run once
		b.sleep(61 * time.Second)
		b.wantFired("every@3600", "every@3660")
	})
}

func TestMissedWhileDown(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("once", schedule.Spec{At: b.in(time.Minute)})
		b.add("daily", schedule.Spec{Cron: "0 6 * * *"})
		b.add("later", schedule.Spec{At: b.in(100 * time.Hour)})
		b.stop()
		b.sleep(50 * time.Hour)
		b.wantFired()
		b.boot()
		b.wantFired("daily@180000", "once@180000")
		b.sleep(10 * time.Hour) // 12:00: the 06:00 of that day has come
		b.wantFired("daily@180000", "once@180000", "daily@194400")
		b.stop()
		b.boot() // what has run does not run again
		b.wantFired("daily@180000", "once@180000", "daily@194400")
	})
}

func TestCrash(t *testing.T) {
	for _, resumable := range []bool{false, true} {
		t.Run(fmt.Sprintf("resumable %v", resumable), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.stop()
				b.handler.Resumable = resumable
				b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
					select {
					case <-ctx.Done():
						return schedule.Result{}, ctx.Err()
					case <-time.After(10 * time.Second):
						return schedule.Result{Summary: "slept"}, nil
					}
				}
				b.boot()
				b.add("once", schedule.Spec{At: b.in(time.Minute)})
				b.add("every", schedule.Spec{EveryMs: 60_000})
				b.sleep(65 * time.Second)
				b.wantFired("every@60", "once@60")
				b.kill()
				b.sleep(25 * time.Second)
				b.boot()
				b.sleep(20 * time.Second)
				if resumable {
					b.wantFired("every@60", "once@60", "every@90/2", "once@90/2")
					if slices.Sort(b.keys); b.keys[0] != b.keys[1] || b.keys[2] != b.keys[3] {
						b.Errorf("a resumed run has another key: %v", b.keys)
					}
					b.wantRuns("once", "ok(slept)")
				} else {
					b.wantFired("every@60", "once@60")
					b.wantRuns("once", "error(interrupted: the gateway stopped while the job ran)")
				}
				b.sleep(60 * time.Second)
				if all := b.all(); all[len(all)-1] != "every@120" {
					b.Errorf("the interval goes on with %v, want every@120", all)
				}
				if j := b.get("once"); j.Enabled || j.State.RunningAt != 0 || j.State.Firing != nil {
					b.Errorf("the one-shot: %+v", j)
				}
			})
		})
	}
}

// A job that brings the gateway down is not called for ever.
func TestCrashLoop(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Resumable = true
		b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
			<-ctx.Done()
			return schedule.Result{}, ctx.Err()
		}
		b.boot()
		b.add("once", schedule.Spec{At: b.in(0)})
		for range 5 {
			b.sleep(time.Second)
			b.kill()
			b.boot()
		}
		b.wantFired("once@0", "once@1/2", "once@2/3")
		b.wantRuns("once", "error(interrupted: the gateway stopped while the job ran)")
	})
}

// An orderly stop waits for handlers; what they did not finish goes on at the next start.
func TestShutdown(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Resumable = true
		b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
			if f.Job.ID == "stubborn" {
				time.Sleep(10 * time.Second)
				return schedule.Result{Summary: "after all"}, nil
			}
			<-ctx.Done()
			return schedule.Result{}, ctx.Err()
		}
		b.boot()
		b.add("obedient", schedule.Spec{At: b.in(time.Second)})
		b.add("stubborn", schedule.Spec{At: b.in(time.Second)})
		b.sleep(2 * time.Second)
		b.stop()
		if d := time.Since(b.start); d != 11*time.Second {
			b.Errorf("Run returned after %v, want when the last handler did", d)
		}
		b.wantRuns("stubborn", "ok(after all)")
		b.wantRuns("obedient", "")
		b.boot()
		b.wantFired("obedient@1", "stubborn@1", "obedient@11/2")
	})
}

func TestOverlap(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(25 * time.Second)
			return schedule.Result{}, nil
		}
		b.boot()
		b.add("every", schedule.Spec{EveryMs: 10_000})
		b.sleep(49 * time.Second)
		b.wantFired("every@10", "every@40")
		b.wantRuns("every", "ok() skipped(the job was still running) skipped(the job was still running)")
	})
}

func TestParallel(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		var other atomic.Int64
		b.handler.Parallel = 2
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(10 * time.Second)
			return schedule.Result{}, nil
		}
		b.other.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			other.Add(1)
			return schedule.Result{}, nil
		}
		b.boot()
		for i := range 5 {
			b.add(fmt.Sprint(i), schedule.Spec{At: b.in(time.Duration(i+1) * time.Millisecond)})
		}
		if _, err := b.s.Add(b.Context(), schedule.Job{ID: "x", Owner: "plugin:p", Enabled: true, Spec: schedule.Spec{At: b.in(2 * time.Second)}}); err != nil {
			b.Fatal(err)
		}
		b.sleep(5 * time.Second)
		if b.wantFired("0@0", "1@0"); other.Load() != 1 {
			b.Errorf("%d of another kind fired; want one", other.Load())
		}
		b.sleep(30 * time.Second)
		b.wantFired("0@0", "1@0", "2@10", "3@10", "4@20")
	})
}

func TestFailures(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Fire = func(_ context.Context, f schedule.Firing) (schedule.Result, error) {
			if f.Job.ID == "panics" {
				panic("oops")
			}
			return schedule.Result{Summary: "half"}, wit.NewError(wit.CodeUnavailable, strings.Repeat("no ", 5000))
		}
		b.boot()
		b.add("panics", schedule.Spec{EveryMs: 60_000})
		j, err := b.s.Add(b.Context(), schedule.Job{ID: "fails", Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Second)}})
		if err != nil {
			b.Fatal(err)
		}
		b.sleep(121 * time.Second)
		b.wantFired("fails@1", "panics@60", "panics@120")
		runs, err := b.s.Runs(b.Context(), "cron", "fails", 5)
		if err != nil || len(runs) != 1 || runs[0].Status != schedule.Failed || len(runs[0].Error) > 5000 || runs[0].Summary != "half" {
			b.Errorf("runs: %+v, %v", runs, err)
		}
		if got := b.get(j.ID); got.Enabled || got.State.LastStatus != schedule.Failed || got.State.NextRunAt != 0 {
			b.Errorf("a one-shot that failed is kept, disabled: %+v", got)
		}
		if got := b.get("panics").State; !strings.Contains(got.LastError, "oops") || got.NextRunAt == 0 {
			b.Errorf("after a panic: %+v", got)
		}
	})
}

func TestNoHandler(t *testing.T) {
	inBubble(t, func(b *bench) {
		if _, err := b.s.Add(b.Context(), schedule.Job{ID: "x", Owner: "nobody", Enabled: true, Spec: schedule.Spec{At: b.in(time.Second)}}); err != nil {
			b.Fatal(err)
		}
		b.sleep(2 * time.Second)
		runs, err := b.s.Runs(b.Context(), "nobody", "x", 0)
		if err != nil || len(runs) != 1 || runs[0].Status != schedule.Failed {
			b.Errorf("runs: %+v, %v", runs, err)
		}
	})
}

func TestSuspend(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("daily", schedule.Spec{Cron: "0 6 * * *"})
		b.sleep(time.Hour)
		b.offset.Store(int64(48 * time.Hour)) // timers slept, the clock went on
		b.sleep(31 * time.Second)
		if len(b.all()) != 1 {
			b.Errorf("fired %v within half a minute of waking up, want one", b.all())
		}
		if next := time.UnixMilli(b.get("daily").State.NextRunAt).UTC(); next.Format("2006-01-02 15") != "2000-01-03 06" {
			b.Errorf("next is %v", next)
		}
	})
}

func TestClockBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("every", schedule.Spec{EveryMs: 60_000})
		b.sleep(61 * time.Second)
		b.offset.Store(int64(-2 * time.Second)) // a correction: nothing runs twice
		b.sleep(58 * time.Second)
		b.wantFired("every@60")
		b.sleep(4 * time.Second)
		b.wantFired("every@60", "every@122")
	})
	inBubble(t, func(b *bench) { // the clock was a year ahead for a while
		b.add("daily", schedule.Spec{Cron: "0 6 * * *"})
		b.offset.Store(int64(365 * 24 * time.Hour))
		b.sleep(time.Hour)
		first := b.all()
		if len(first) != 1 {
			b.Fatalf("fired %v, want one", first)
		}
		b.offset.Store(0)
		b.sleep(6 * time.Hour)
		b.wantFired(first[0], "daily@21600")
		b.offset.Store(int64(365 * 24 * time.Hour))
		b.sleep(time.Minute)
		b.stop()
		b.offset.Store(0) // and it is put right while the gateway is down
		b.boot()
		b.sleep(24 * time.Hour)
		if all := b.all(); len(all) != 4 || all[3] != fmt.Sprintf("daily@%d", 30*3600) {
			b.Errorf("fired %v", all)
		}
	})
}

// The clock was two days ahead for a while: what is due more often than that does not rest for two days.
func TestClockPutRight(t *testing.T) {
	for name, running := range map[string]bool{"while the gateway is down": false, "while it runs": true, "while it runs and the disk is full": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.add("every", schedule.Spec{EveryMs: 1000 * 600})
				b.add("hourly", schedule.Spec{Cron: "0 * * * *"})
				b.add("anchored", schedule.Spec{EveryMs: 1000 * 600, AnchorMs: b.in(7 * 24 * time.Hour)})
				b.sleep(time.Minute)
				b.stop()
				disk := storetest.NewFaulty(b.store)
				b.store = disk
				b.offset.Store(int64(48 * time.Hour))
				b.boot()
				b.sleep(time.Minute)
				if running {
					if strings.Contains(name, "disk") {
						disk.Fail(storetest.FaultBefore, 1, 1)
					}
					b.offset.Store(0)
					b.sleep(time.Minute)
				} else {
					b.stop()
					b.offset.Store(0)
					b.boot()
				}
				before := len(b.all())
				b.sleep(2 * time.Hour)
				if n := len(b.all()) - before; n < 13 || n > 15 {
					b.Errorf("%d runs in two hours: %v", n, b.all())
				}
				if next := b.get("anchored").State.NextRunAt; next != b.in(7*24*time.Hour-time.Since(b.start)) {
					b.Errorf("the anchored job is due at %d", next)
				}
			})
		})
	}
}

func TestJSON(t *testing.T) {
	j := schedule.Job{ID: "a", Owner: "cron", Payload: json.RawMessage(`{"a":1}`), Spec: schedule.Spec{Cron: "* * * * *"}}
	b, err := json.Marshal(j)
	if want := `{"id":"a","owner":"cron","enabled":false,"spec":{"cron":"* * * * *"},"payload":{"a":1},"createdAt":0,"updatedAt":0,"state":{}}`; string(b) != want || err != nil {
		t.Errorf("%s, %v", b, err)
	}
}
