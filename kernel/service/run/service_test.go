package run_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// worker is an executor that does what the test says between a run's begin and its end.
type worker struct {
	prepare func(ctx context.Context, r run.Run) // before a run begins
	do      func(ctx context.Context, a *run.Active) error

	mu      sync.Mutex
	begun   []string
	dropped []string
	running map[session.Key]int
	most    int // at a time, over all sessions
	clash   bool
}

func (w *worker) Execute(ctx context.Context, a *run.Active) error {
	if w.prepare != nil {
		w.prepare(ctx, a.Run)
	}
	if err := begin(a); err != nil {
		return err
	}
	w.enter(a.Run)
	defer w.leave(a.Run)
	if err := a.Run.Refusal(); err != nil {
		return finish(a, run.Aborted, err.Error())
	}
	if w.do != nil {
		if err := w.do(ctx, a); err != nil {
			if stop := run.StoppedBy(ctx); stop != nil {
				return finish(a, run.Aborted, stop.Reason)
			}
			return err
		}
	}
	return finish(a, run.Done, "end")
}

// begin is for executors: a run may have begun already.
func begin(a *run.Active) error {
	if a.Begun != nil {
		return nil
	}
	return a.Update(func(tx store.Tx) error { _, err := a.Begin(tx); return err })
}

func (w *worker) Begin(tx store.Tx, r run.Run) (run.Beginning, error) {
	_, err := run.Start(tx, r)
	return run.Beginning{}, err
}

func (w *worker) Dropped(r run.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = append(w.dropped, r.ID)
}

// gone are the runs that were dropped.
func (w *worker) gone() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dropped)
}

func (w *worker) enter(r run.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, r.ID)
	if r.Urgent {
		return // it runs beside the others
	}
	if w.running == nil {
		w.running = map[session.Key]int{}
	}
	w.running[r.Session]++
	w.clash = w.clash || w.running[r.Session] > 1
	total := 0
	for _, n := range w.running {
		total += n
	}
	w.most = max(w.most, total)
}

func (w *worker) leave(r run.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !r.Urgent {
		w.running[r.Session]--
	}
}

// peak is how many were executed at a time, at most.
func (w *worker) peak() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

func (w *worker) ids() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.begun)
}

func finish(a *run.Active, state run.State, stop string) error {
	err := a.Update(func(tx store.Tx) error {
		_, err := run.Finish(tx, a.Run.ID, state, func(r *run.Run) { r.Stop = stop })
		return err
	})
	if err == nil {
		a.Ended()
	}
	return err
}

// untilStopped is work that does not end by itself.
func untilStopped(ctx context.Context, _ *run.Active) error {
	<-ctx.Done()
	return ctx.Err()
}

// life is one process of the service. It is made in a bubble.
type life struct {
	*run.Service
	stop func()
}

func live(t *testing.T, s store.Store, w *worker, claims claim.Claims) life {
	t.Helper()
	return liveLogging(t, s, w, claims, hclog.NewNullLogger())
}

func liveLogging(t *testing.T, s store.Store, w *worker, claims claim.Claims, log hclog.Logger) life {
	t.Helper()
	return liveParallel(t, s, w, claims, log, 3)
}

func liveParallel(t *testing.T, s store.Store, w *worker, claims claim.Claims, log hclog.Logger, parallel int) life {
	t.Helper()
	return liveOn(run.New(run.Deps{
		Store: storetest.Bounded(s, 20_000), Sessions: sessions(s), Executor: w, Claims: claims, Log: log, Parallel: parallel,
	}))
}

func liveOn(svc *run.Service) life {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = svc.Run(ctx) }()
	synctest.Wait() // what is submitted before it runs does not begin at once
	return life{svc, func() { cancel(); <-done }}
}

func submit(t *testing.T, s *run.Service, k session.Key, ids ...string) {
	t.Helper()
	for _, id := range ids {
		submitRun(t, s, run.Run{ID: id, Session: k, Asker: string(k), Text: id})
	}
}

// submitWithFile submits a run that has to be prepared, so that it does not begin at once.
func submitWithFile(t *testing.T, s *run.Service, k session.Key, id string) {
	t.Helper()
	submitRun(t, s, run.Run{ID: id, Session: k, Asker: string(k), Text: id, Attachments: []wit.Attachment{{}}})
}

func submitRun(t *testing.T, s *run.Service, r run.Run) {
	t.Helper()
	if _, err := s.Submit(context.Background(), run.Request{Run: r}); err != nil {
		t.Fatal(err)
	}
}

// TestOrder: the runs of one session come one after the other, those of three at the same time.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{do: func(context.Context, *run.Active) error { time.Sleep(time.Second); return nil }}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		var last []string
		for s := range 5 {
			for r := range 4 {
				submit(t, p.Service, session.Key(fmt.Sprint("agent:main:s", s)), fmt.Sprint(s, "-", r))
			}
			last = append(last, fmt.Sprint(s, "-3"))
		}
		for _, id := range last {
			if r, err := p.Wait(context.Background(), id); err != nil || r.State != run.Done {
				t.Errorf("run %+v, %v", r, err)
			}
		}
		if w.clash || w.most != 3 || len(w.begun) != 20 {
			t.Errorf("%d begun, %d at a time, two of one session: %v", len(w.begun), w.most, w.clash)
		}
		for s := range 5 {
			mine := slices.DeleteFunc(w.ids(), func(id string) bool { return id[0] != byte('0'+s) })
			if !slices.IsSorted(mine) {
				t.Errorf("order %q", mine)
			}
		}
	})
}

// TestOneHolder: two services on one state share its claims, and each run is executed by one of them.
func TestOneHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, claims := store.OpenMemory(), new(claim.Local)
		w := &worker{do: func(context.Context, *run.Active) error { time.Sleep(time.Second); return nil }}
		a, b := live(t, s, w, claims), live(t, s, w, claims)
		defer a.stop()
		defer b.stop()
		for i := range 10 {
			submit(t, []*run.Service{a.Service, b.Service}[i%2], key, fmt.Sprintf("r%02d", i))
			a.Wake()
			b.Wake()
		}
		time.Sleep(time.Minute)
		if got := w.ids(); w.clash || len(got) != 10 || !slices.IsSorted(got) {
			t.Errorf("begun %q, two at a time: %v", got, w.clash)
		}
	})
}

// TestALostClaim: a run whose claim is lost is left where it is and records nothing more; whoever gets the claim
// next takes it up.
func TestALostClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, claims := store.OpenMemory(), new(claimtest.Claims)
		var late error
		first := &worker{do: func(ctx context.Context, a *run.Active) error {
			<-ctx.Done()
			late = a.Update(func(store.Tx) error { t.Error("a step was recorded without the claim"); return nil })
			return ctx.Err()
		}}
		second := &worker{}
		a := live(t, s, first, claims)
		defer a.stop()
		submit(t, a.Service, key, "r1")
		synctest.Wait()
		b := live(t, s, second, claims) // waits for the claim
		defer b.stop()
		synctest.Wait()
		if got := second.ids(); len(got) != 0 {
			t.Fatalf("begun twice: %q", got)
		}
		claims.Lose("session/" + string(key))
		synctest.Wait()
		r, err := b.Find(t.Context(), "r1")
		if err != nil || r.State != run.Done || r.Resumed != 1 {
			t.Errorf("after the loss: %+v, %v", r, err)
		}
		if !run.Unrecorded(late) {
			t.Errorf("a late step: %v", late)
		}
		if got := first.ids(); len(got) != 1 || claims.Held("session/"+string(key)) {
			t.Errorf("the first one goes on: %q", got)
		}
	})
}

// TestOutcomes: what becomes of a run whose executor gives up.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		fault error
		took  time.Duration // until it was begun for the third time
	}{
		"store failed": {wit.NewError(wit.CodeUnavailable, "the disk is full"), 2 * time.Second},
		"no end":       {errors.New("a bug"), 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, began := 0, time.Now()
				w := &worker{do: func(context.Context, *run.Active) error {
					if n++; n < 3 {
						return c.fault
					}
					return nil
				}}
				p := live(t, store.OpenMemory(), w, new(claim.Local))
				defer p.stop()
				submit(t, p.Service, key, "r1")
				r, err := p.Wait(context.Background(), "r1")
				if err != nil || r.State != run.Done || r.Resumed != 2 || time.Since(began) != c.took {
					t.Errorf("after %v: %+v, %v", time.Since(began), r, err)
				}
			})
		})
	}
}

// TestInterruption: a run that a process leaves is taken up by the next one, but not for ever.
func TestInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		w := &worker{do: untilStopped}
		for i := range 26 {
			p := live(t, s, w, new(claim.Local))
			if i == 0 {
				submit(t, p.Service, key, "r1")
			}
			synctest.Wait()
			p.stop()
			if r, err := p.Find(context.Background(), "r1"); err != nil || r.State != run.Running || r.Resumed != i {
				t.Fatalf("after %d processes: %+v, %v", i+1, r, err)
			}
		}
		p := live(t, s, w, new(claim.Local))
		defer p.stop()
		if r, err := p.Wait(context.Background(), "r1"); err != nil || r.State != run.Aborted {
			t.Errorf("given up: %+v, %v", r, err)
		}
	})
}

// TestStop: the running run ends with the reason, what waits is dropped, urgent and other ones stay.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{do: untilStopped}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		submit(t, p.Service, key, "r1", "r2", "r3")
		submit(t, p.Service, "agent:main:x", "x1")
		synctest.Wait()
		for _, c := range []struct {
			which run.Selection
			want  string
		}{
			{run.Selection{Session: key, ID: "r2"}, "[r2]"},
			{run.Selection{Session: key}, "[r1]"},
			{run.Selection{Session: "agent:main:none", Waiting: true}, "[]"},
			{run.Selection{Session: key, Waiting: true}, "[r3]"},
		} {
			ids, err := p.Stop(context.Background(), c.which, "enough")
			if got := fmt.Sprint(ids); err != nil || got != c.want {
				t.Errorf("%+v: %s, %v", c.which, got, err)
			}
			synctest.Wait()
		}
		for _, id := range []string{"r1", "r2", "r3"} {
			if r, err := p.Find(context.Background(), id); err != nil || r.State != run.Aborted || r.Stop != "enough" {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if r, err := p.Find(context.Background(), "x1"); err != nil || r.State != run.Running || !slices.Equal(w.dropped, []string{"r2"}) {
			t.Errorf("%+v, %v, dropped %q", r, err, w.dropped)
		}
	})
}

// TestARunIsPreparedWhileItsSessionIsHeld: it does not begin before the release.
func TestARunIsPreparedWhileItsSessionIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prepared := make(chan struct{})
		w := &worker{prepare: func(context.Context, run.Run) { <-prepared }}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		submitWithFile(t, p.Service, key, "r1")
		synctest.Wait()
		release, err := p.Hold(t.Context(), key, false)
		if err != nil {
			t.Fatal(err)
		}
		close(prepared)
		time.Sleep(time.Hour)
		if got := w.ids(); len(got) != 0 {
			t.Errorf("begun while held: %q", got)
		}
		release()
		if r, err := p.Wait(t.Context(), "r1"); err != nil || r.State != run.Done {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestHold: no run of a held session begins, and the service sleeps meanwhile.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		first, err := p.Hold(context.Background(), key, false)
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Hold(context.Background(), key, false)
		if err != nil {
			t.Fatal(err)
		}
		submit(t, p.Service, key, "r1")
		submit(t, p.Service, "agent:main:x", "x1")
		time.Sleep(time.Hour) // never passes if the service looks again and again
		first()
		time.Sleep(time.Hour)
		if got := w.ids(); !slices.Equal(got, []string{"x1"}) {
			t.Errorf("begun while held: %q", got)
		}
		second()
		if r, err := p.Wait(context.Background(), "r1"); err != nil || r.State != run.Done {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestClientsCannotTakeIDsOfOthers: the gateway's own runs have ids that no client can choose, also by guessing.
func TestClientsCannotTakeIDsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live(t, store.OpenMemory(), &worker{}, new(claim.Local))
		defer s.stop()
		const main = session.Key("agent:main:main")
		for _, id := range []string{run.FromChannel.ID("chat/home/7"), run.FromCron.ID("job:1"), "channel:", strings.Repeat("k", 257)} {
			_, err := s.Submit(context.Background(), run.Request{Run: run.Run{ID: id, Session: main, Text: "mine"}})
			if wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%.20q: %v", id, err)
			}
		}
		if _, err := s.Do(context.Background(), run.Job{ID: run.FromCron.ID("job:1"), Session: "main", Message: "report"}); err != nil {
			t.Errorf("the job itself: %v", err)
		}
		for _, id := range []string{"channels", "Channel:x", "x:channel:", strings.Repeat("k", 256)} {
			if _, err := s.Submit(context.Background(), run.Request{Run: run.Run{ID: id, Session: main, Text: "mine"}}); err != nil {
				t.Errorf("%.20q: %v", id, err)
			}
		}
	})
}
