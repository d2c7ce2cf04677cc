package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestJobs(t *testing.T) {
	inBubble(t, func(b *bench) {
		ctx := b.Context()
		a := b.add("a", schedule.Spec{EveryMs: 60_000})
		if a.State.NextRunAt != b.in(time.Minute) || a.CreatedAt != b.in(0) {
			b.Errorf("added: %+v", a)
		}
		random, err := b.s.Add(ctx, schedule.Job{Owner: "cron", Spec: schedule.Spec{EveryMs: 60_000}})
		if err != nil || len(random.ID) < 20 || random.State.NextRunAt != 0 {
			b.Errorf("a disabled job without an id: %+v, %v", random, err)
		}
		_, err = b.s.Add(ctx, a)
		wantCode(b, "add twice", err, wit.CodeConflict)
		if _, err := b.s.Add(ctx, schedule.Job{ID: "a", Owner: "plugin:a", Enabled: true, Spec: schedule.Spec{At: b.in(time.Hour)}}); err != nil {
			b.Errorf("the same id of another owner: %v", err)
		}

		b.sleep(10 * time.Second)
		named, err := b.s.Update(ctx, "cron", "a", func(j *schedule.Job) error {
			j.Name, j.ID, j.CreatedAt, j.State = "new", "other", 1, schedule.State{}
			return nil
		})
		if err != nil || named.Name != "new" || named.ID != "a" || named.CreatedAt != a.CreatedAt || !reflect.DeepEqual(named.State, a.State) || named.UpdatedAt != b.in(0) {
			b.Errorf("renamed: %+v, %v", named, err)
		}
		moved, err := b.s.Update(ctx, "cron", "a", func(j *schedule.Job) error { j.Spec.AnchorMs = b.in(20 * time.Second); return nil })
		if err != nil || moved.State.NextRunAt != b.in(20*time.Second) {
			b.Errorf("moved: %+v, %v", moved, err)
		}
		off, err := b.s.Update(ctx, "cron", "a", func(j *schedule.Job) error { j.Enabled = false; return nil })
		if err != nil || off.State.NextRunAt != 0 {
			b.Errorf("disabled: %+v, %v", off, err)
		}
		b.sleep(time.Hour)
		b.wantFired()

		no := errors.New("no")
		_, err = b.s.Update(ctx, "cron", "a", func(*schedule.Job) error { return no })
		if !errors.Is(err, no) {
			b.Errorf("edit's error: %v", err)
		}
		_, err = b.s.Update(ctx, "cron", "a", func(j *schedule.Job) error { j.Spec.EveryMs = 1; return nil })
		wantCode(b, "update to nonsense", err, wit.CodeInvalid)
		for what, err := range map[string]error{
			"update": func() error {
				_, err := b.s.Update(ctx, "cron", "x", func(*schedule.Job) error { return nil })
				return err
			}(),
			"remove":                     b.s.Remove(ctx, "cron", "x"),
			"remove of an impossible id": b.s.Remove(ctx, "cron", "\x00"),
			"remove of another's":        b.s.Remove(ctx, "plugin:b", "a"),
			"get":                        func() error { _, err := b.s.Get(ctx, "cron", "x"); return err }(),
			"runs":                       func() error { _, err := b.s.Runs(ctx, "cron", "x", 0); return err }(),
			"run":                        func() error { _, _, err := b.runNow(ctx, "x", schedule.Force); return err }(),
		} {
			wantCode(b, what+" of a missing job", err, wit.CodeNotFound)
		}

		b.add("gone", schedule.Spec{At: b.in(time.Minute)})
		if err := b.s.Remove(ctx, "cron", "gone"); err != nil {
			b.Error(err)
		}
		b.sleep(2 * time.Minute)
		b.wantFired()
		want := "added a, added " + random.ID + ", updated a, updated a, updated a, added gone, removed gone"
		if got := strings.Join(b.events, ", "); got != want {
			b.Errorf("events %s; want %s", got, want)
		}
		if err := b.s.RemoveAll(ctx, "cron"); err != nil {
			b.Error(err)
		}
		removed := b.events[len(b.events)-2:]
		if !slices.Contains(removed, "removed a") || !slices.Contains(removed, "removed "+random.ID) {
			b.Errorf("events in the end %q", removed)
		}
		left, err1 := b.s.List(ctx, "cron")
		other, err2 := b.s.List(ctx, "plugin:a")
		if len(left) != 0 || len(other) != 1 || err1 != nil || err2 != nil {
			b.Errorf("after RemoveAll: %v, %v, %v, %v", left, other, err1, err2)
		}
	})
}

// Set is what a plugin calls at each of its starts: its interval must not begin anew each time.
func TestSet(t *testing.T) {
	inBubble(t, func(b *bench) {
		job := schedule.Job{ID: "a", Owner: "cron", Enabled: true, Spec: schedule.Spec{EveryMs: 60_000}}
		for range 3 {
			b.sleep(25 * time.Second)
			job.Payload = json.RawMessage(fmt.Sprint(len(b.events)))
			if _, err := b.s.Set(b.Context(), job); err != nil {
				b.Fatal(err)
			}
		}
		b.sleep(20 * time.Second)
		b.wantFired("a@85")
		if j := b.get("a"); string(j.Payload) != "2" {
			b.Errorf("payload %s", j.Payload)
		}
		done := schedule.Job{ID: "b", Owner: "cron", Enabled: true, Spec: schedule.Spec{At: b.in(time.Second)}}
		for range 3 {
			if _, err := b.s.Set(b.Context(), done); err != nil {
				b.Fatal(err)
			}
			b.sleep(2 * time.Second)
		}
		b.wantFired("a@85", "b@96") // a one-shot that has run does not run again
	})
}

func TestBounds(t *testing.T) {
	s := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local)})
	ctx := context.Background()
	good := schedule.Spec{EveryMs: 1000}
	for _, c := range []struct {
		name string
		job  schedule.Job
		code wit.Code
	}{
		{"plain", schedule.Job{ID: "a", Owner: "o", Spec: good}, ""},
		{"longest", schedule.Job{ID: strings.Repeat("i", 128), Owner: schedule.Owner(strings.Repeat("o", 128)), Name: strings.Repeat("n", 256), Payload: json.RawMessage(`"` + strings.Repeat("p", schedule.MaxPayload-2) + `"`), Spec: good}, ""},
		{"no owner", schedule.Job{ID: "a", Spec: good}, wit.CodeInvalid},
		{"owner with a control character", schedule.Job{ID: "a", Owner: "o\x00", Spec: good}, wit.CodeInvalid},
		{"long id", schedule.Job{ID: strings.Repeat("i", 129), Owner: "o", Spec: good}, wit.CodeInvalid},
		{"id with a control character", schedule.Job{ID: "a\n", Owner: "o", Spec: good}, wit.CodeInvalid},
		{"long name", schedule.Job{ID: "b", Owner: "o", Name: strings.Repeat("n", 257), Spec: good}, wit.CodeInvalid},
		{"payload not JSON", schedule.Job{ID: "b", Owner: "o", Payload: json.RawMessage("{"), Spec: good}, wit.CodeInvalid},
		{"large payload", schedule.Job{ID: "b", Owner: "o", Payload: make(json.RawMessage, schedule.MaxPayload+1), Spec: good}, wit.CodeTooLarge},
		{"no schedule", schedule.Job{ID: "b", Owner: "o"}, wit.CodeInvalid},
	} {
		_, err := s.Add(ctx, c.job)
		wantCode(t, c.name, err, c.code)
	}
	for i := range schedule.MaxJobs {
		if _, err := s.Add(ctx, schedule.Job{ID: fmt.Sprint(i), Owner: "many", Spec: good}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Add(ctx, schedule.Job{ID: "more", Owner: "many", Spec: good})
	wantCode(t, "one too many", err, wit.CodeTooLarge)
	if _, err := s.Add(ctx, schedule.Job{ID: "more", Owner: "many:else", Spec: good}); err != nil {
		t.Errorf("another owner: %v", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("every", schedule.Spec{EveryMs: 1000})
		b.sleep((schedule.MaxRuns + 50) * time.Second)
		runs, err := b.s.Runs(b.Context(), "cron", "every", 0)
		if err != nil || len(runs) != schedule.MaxRuns || runs[0].StartedAt != b.in(0) {
			b.Errorf("%d runs, the latest at %d, %v", len(runs), runs[0].StartedAt, err)
		}
		few, err := b.s.Runs(b.Context(), "cron", "every", 3)
		if err != nil || len(few) != 3 || few[0].Key != runs[0].Key {
			b.Errorf("three runs: %+v, %v", few, err)
		}
		if err := b.s.Remove(b.Context(), "cron", "every"); err != nil {
			b.Fatal(err)
		}
		err = b.store.View(b.Context(), func(tx store.Tx) error {
			for _, space := range []string{"schedule.job", "schedule.due", "schedule.run"} {
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

func TestDeleteAfterRun(t *testing.T) {
	inBubble(t, func(b *bench) {
		_, err := b.s.Add(b.Context(), schedule.Job{ID: "a", Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Second)}})
		if err != nil {
			b.Fatal(err)
		}
		b.sleep(2 * time.Second)
		_, err = b.s.Get(b.Context(), "cron", "a")
		wantCode(b, "get", err, wit.CodeNotFound)
		if got := strings.Join(b.events, ", "); got != "added a, started a, finished a, removed a" {
			b.Errorf("events %s", got)
		}
		if runs, err := b.s.Runs(b.Context(), "cron", "a", 0); err != nil || len(runs) != 1 || runs[0].Summary != "done" {
			b.Errorf("its history: %+v, %v", runs, err)
		}
		for i := range schedule.MaxGone {
			_, err := b.s.Add(b.Context(), schedule.Job{ID: fmt.Sprint("later", i), Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Second)}})
			if err != nil {
				b.Fatal(err)
			}
			b.sleep(2 * time.Second)
		}
		_, err = b.s.Runs(b.Context(), "cron", "a", 0)
		wantCode(b, "a history of long ago", err, wit.CodeNotFound)
		if list, err := b.s.Gone(b.Context(), "cron"); err != nil || len(list) != schedule.MaxGone || list[0].ID != "later0" {
			b.Errorf("%d jobs are gone, %v", len(list), err)
		}
	})
}

// A job of the same id begins a history of its own.
func TestAddedAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		for range 2 {
			_, err := b.s.Add(b.Context(), schedule.Job{ID: "a", Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Second)}})
			if err != nil {
				b.Fatal(err)
			}
			b.sleep(2 * time.Second)
		}
		if runs, err := b.s.Runs(b.Context(), "cron", "a", 0); err != nil || len(runs) != 1 {
			b.Errorf("its history: %+v, %v", runs, err)
		}
		if list, err := b.s.Gone(b.Context(), "cron"); err != nil || len(list) != 1 {
			b.Errorf("%d jobs are gone, %v", len(list), err)
		}
	})
}

func TestStart(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(5 * time.Second)
			return schedule.Result{Summary: "done"}, nil
		}
		ctx := b.Context()
		_, _, err := b.runNow(ctx, "a", schedule.Force)
		wantCode(b, "without Run", err, wit.CodeUnavailable)
		b.boot()
		b.add("a", schedule.Spec{EveryMs: 60_000})
		if _, ran, err := b.runNow(ctx, "a", schedule.Due); ran || err != nil {
			b.Errorf("not due: %v, %v", ran, err)
		}
		next := b.get("a").State.NextRunAt
		run, ran, err := b.runNow(ctx, "a", schedule.Force)
		if !ran || err != nil || run.Summary != "done" || run.Duration != 5000 || !run.Forced || b.get("a").State.NextRunAt != next {
			b.Errorf("forced: %+v, %v, %v; next %d, was %d", run, ran, err, b.get("a").State.NextRunAt, next)
		}

		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, ran, err = b.runNow(short, "a", schedule.Force)
		wantCode(b, "given up", err, wit.CodeTimeout)
		if !ran {
			b.Error("what was given up did not run")
		}
		_, _, err = b.runNow(ctx, "a", schedule.Force)
		wantCode(b, "twice at a time", err, wit.CodeConflict)
		b.sleep(5 * time.Second)
		b.wantRuns("a", "ok(done) ok(done)")

		b.add("disabled", schedule.Spec{At: b.in(time.Hour)})
		if _, err := b.s.Update(ctx, "cron", "disabled", func(j *schedule.Job) error { j.Enabled = false; return nil }); err != nil {
			b.Fatal(err)
		}
		if _, ran, err := b.runNow(ctx, "disabled", schedule.Force); !ran || err != nil {
			b.Errorf("a disabled job: %v, %v", ran, err)
		}
		b.add("once", schedule.Spec{At: b.in(time.Hour)})
		if _, ran, err := b.runNow(ctx, "once", schedule.Force); !ran || err != nil {
			b.Errorf("a one-shot: %v, %v", ran, err)
		}
		if j := b.get("once"); j.Enabled || j.State.NextRunAt != 0 {
			b.Errorf("a one-shot that was run out of turn has had its time: %+v", j)
		}
	})
}

// A job may be changed and removed while it runs; its end then changes nothing of what took its place.
func TestChangedWhileRunning(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
			time.Sleep(5 * time.Second)
			return schedule.Result{Summary: "done"}, nil
		}
		b.boot()
		ctx := b.Context()
		for _, id := range []string{"removed", "replaced", "moved"} {
			b.add(id, schedule.Spec{At: b.in(time.Second)})
		}
		b.sleep(2 * time.Second)
		if err := errors.Join(b.s.Remove(ctx, "cron", "removed"), b.s.Remove(ctx, "cron", "replaced")); err != nil {
			b.Fatal(err)
		}
		b.add("replaced", schedule.Spec{At: b.in(time.Minute)})
		if _, err := b.s.Update(ctx, "cron", "moved", func(j *schedule.Job) error { j.Spec.At = b.in(time.Minute); return nil }); err != nil {
			b.Fatal(err)
		}
		b.sleep(10 * time.Second)
		_, err := b.s.Get(ctx, "cron", "removed")
		wantCode(b, "removed", err, wit.CodeNotFound)
		if j := b.get("replaced"); !j.Enabled || j.State.LastRunAt != 0 || j.State.NextRunAt == 0 {
			b.Errorf("replaced: %+v", j)
		}
		if j := b.get("moved"); !j.Enabled || j.State.LastRunAt == 0 || j.State.NextRunAt == 0 {
			b.Errorf("moved: %+v", j)
		}
		b.sleep(time.Minute)
		if all := b.all(); len(all) != 5 {
			b.Errorf("fired %v, want three and then two", all)
		}
	})
}

func TestRunTwice(t *testing.T) {
	inBubble(t, func(b *bench) { wantCode(b, "second Run", b.s.Run(b.Context()), wit.CodeConflict) })
}

// The store fails for a while: nothing is lost, and nobody spins.
func TestStoreFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		good := b.store
		flaky := &flaky{Store: good}
		b.store = flaky
		b.boot()
		b.add("every", schedule.Spec{EveryMs: 60_000})
		flaky.broken.Store(true)
		b.sleep(90 * time.Second)
		b.wantFired()
		if flaky.calls > 30 {
			b.Errorf("%d calls of a broken store in a minute", flaky.calls)
		}
		flaky.broken.Store(false)
		b.sleep(5 * time.Second)
		if all := b.all(); len(all) != 1 {
			b.Errorf("fired %v, want one", all)
		}
	})
}

type flaky struct {
	store.Store
	broken atomic.Bool
	calls  int
}

func (f *flaky) View(ctx context.Context, fn func(store.Tx) error) error {
	if f.broken.Load() {
		f.calls++
		return wit.NewError(wit.CodeUnavailable, "broken")
	}
	return f.Store.View(ctx, fn)
}

// The same over the real store, outside a bubble.
func TestSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for round := range 3 {
		db, err := store.Open(context.Background(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := schedule.New(schedule.Deps{Store: db, Claims: new(claim.Local)})
		fired := make(chan string, 10)
		s.Handle("cron", schedule.Handler{Fire: func(_ context.Context, f schedule.Firing) (schedule.Result, error) {
			fired <- f.Key
			return schedule.Result{}, nil
		}})
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for i := range 5 {
			_, err := s.Add(ctx, schedule.Job{ID: fmt.Sprintf("%d-%d", round, i), Owner: "cron", Enabled: true, Spec: schedule.Spec{At: time.Now().UnixMilli()}})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			if key := <-fired; !strings.HasPrefix(key, fmt.Sprintf("cron:%d-", round)) {
				t.Errorf("round %d fired %s", round, key)
			}
		}
		stop()
		if err := errors.Join(<-done, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnEarlierTime than before holds at once.
func TestAnEarlierTime(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add("a", schedule.Spec{At: b.in(time.Hour)})
		b.sleep(time.Second)
		if _, err := b.s.Update(b.Context(), "cron", "a", func(j *schedule.Job) error { j.Spec.At = b.in(5 * time.Second); return nil }); err != nil {
			b.Fatal(err)
		}
		b.sleep(7 * time.Second)
		b.wantFired("a@6")
	})
}
