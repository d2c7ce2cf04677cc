package run_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAStopSurvivesACrash: a process that ends between the stop and the end of its run leaves a run that the next
// one does not go on with.
func TestAStopSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		s := storetest.NewFaulty(disk)
		worked := 0
		w := &worker{do: func(ctx context.Context, _ *run.Active) error { worked++; <-ctx.Done(); return ctx.Err() }}
		p := live(t, s, w, new(claim.Local))
		submit(t, p.Service, key, "r1")
		synctest.Wait()
		s.Fail(storetest.FaultBefore, 2, 1_000_000) // the mark is the last that is written
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if ids, err := p.Stop(ctx, run.Selection{Session: key}, "enough"); err == nil || !slices.Equal(ids, []string{"r1"}) {
			t.Errorf("stop without an end: %v, %v", ids, err)
		}
		p.stop()
		p = live(t, disk, w, new(claim.Local))
		defer p.stop()
		if r, err := p.Wait(t.Context(), "r1"); err != nil || r.State != run.Aborted || r.Stop != "stopped: enough" || worked != 1 {
			t.Errorf("afterwards: %+v, %v, begun %d times", r, err, worked)
		}
	})
}

// TestAStopWaits for the end of the run, and ten seconds at most.
func TestAStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends time.Duration
		w := &worker{do: func(ctx context.Context, _ *run.Active) error { <-ctx.Done(); time.Sleep(ends); return ctx.Err() }}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		for _, c := range []struct {
			ends, waited time.Duration
			code         wit.Code
		}{{3 * time.Second, 3 * time.Second, ""}, {time.Minute, 10 * time.Second, wit.CodeTimeout}} {
			ends = c.ends
			submit(t, p.Service, key, c.ends.String())
			synctest.Wait()
			began := time.Now()
			ids, err := p.Stop(t.Context(), run.Selection{Session: key}, "enough")
			if wit.CodeOf(err) != c.code || len(ids) != 1 || time.Since(began) != c.waited {
				t.Errorf("%v after %v: %v", ids, time.Since(began), err)
			}
		}
	})
}

// TestAStopOfWhatIsPrepared: a run that is stopped while its executor gets ready, with files to be fetched, say, does
// not keep its session from what comes after it.
func TestAStopOfWhatIsPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{prepare: func(ctx context.Context, r run.Run) {
			if r.ID == "r1" {
				<-ctx.Done()
			}
		}}
		p := live(t, store.OpenMemory(), w, new(claim.Local))
		defer p.stop()
		submitWithFile(t, p.Service, key, "r1")
		synctest.Wait()
		if ids, err := p.Stop(t.Context(), run.Selection{Session: key, Waiting: true}, "enough"); err != nil || !slices.Equal(ids, []string{"r1"}) {
			t.Errorf("stop: %v, %v", ids, err)
		}
		submit(t, p.Service, key, "r2")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r, err := p.Wait(ctx, "r2"); err != nil || r.State != run.Done {
			t.Errorf("the next one: %+v, %v", r, err)
		}
		if r, err := p.Find(t.Context(), "r1"); err != nil || r.State != run.Aborted || r.Stop != "enough" {
			t.Errorf("the stopped one: %+v, %v", r, err)
		}
	})
}

// TestAStopSparesWhatIsUrgent, and drops the rest of the queue with its text kept, in the order of the ids.
func TestAStopSparesWhatIsUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		svc := run.New(run.Deps{Store: s, Sessions: sessions(s), Executor: &worker{}, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		submit(t, svc, key, "b", "a")
		enqueue(t, s, key, "u1")
		command := run.Run{ID: "c", Session: key, Text: "/new", Command: "new"}
		if _, err := svc.Submit(t.Context(), run.Request{Run: command}); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		go func() { _, err := svc.Wait(context.Background(), "a"); waited <- err }()
		synctest.Wait()
		ids, err := svc.Stop(t.Context(), run.Selection{Session: key, Waiting: true}, "enough")
		if err != nil || fmt.Sprint(ids) != "[a b c]" {
			t.Errorf("%v, %v", ids, err)
		}
		if err := <-waited; err != nil {
			t.Errorf("who waits for a dropped run: %v", err)
		}
		if got := fmt.Sprint(said(t, s, key)); got != "[b a]" { // a command was not said to the model
			t.Errorf("said %s", got)
		}
		for _, m := range sessiontest.Messages(t, s, key) {
			if !m.Aside {
				t.Errorf("%s is to be answered with the next run", m.Text())
			}
		}
		if r, err := svc.Find(t.Context(), "u1"); err != nil || r.State != run.Queued {
			t.Errorf("urgent: %+v, %v", r, err)
		}
	})
}

// TestTimeouts: a run ends when its time is over, which is ten minutes where it does not say.
func TestTimeouts(t *testing.T) {
	for timeout, want := range map[int64]time.Duration{0: 10 * time.Minute, 1: time.Millisecond, 90_000: 90 * time.Second, 1 << 62: 24 * 365 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := &worker{do: func(ctx context.Context, a *run.Active) error {
				bounded, cancel := a.WithTimeout(ctx)
				defer cancel()
				select {
				case <-bounded.Done():
					return finish(a, run.Aborted, run.StoppedBy(bounded).Reason)
				case <-time.After(want + time.Millisecond/2):
					return finish(a, run.Done, "not stopped")
				}
			}}
			p := live(t, store.OpenMemory(), w, new(claim.Local))
			defer p.stop()
			began := time.Now()
			if _, err := p.Submit(t.Context(), run.Request{Run: run.Run{ID: "r1", Session: key, Text: "x", Timeout: timeout}}); err != nil {
				t.Fatal(err)
			}
			r, err := p.Wait(t.Context(), "r1")
			stop := "timeout"
			if timeout == 1<<62 {
				stop, want = "not stopped", want+time.Millisecond/2
			}
			if err != nil || r.Stop != stop || time.Since(began) != want {
				t.Errorf("timeout %d: %q after %v, %v", timeout, r.Stop, time.Since(began), err)
			}
		})
	}
}

// TestFailure is the end of a run as an error.
func TestFailure(t *testing.T) {
	for _, c := range []struct {
		r    run.Run
		code wit.Code
		says string
	}{
		{run.Run{State: run.Queued}, "", ""},
		{run.Run{State: run.Done}, "", ""},
		{run.Run{State: run.Failed, Error: wit.NewError(wit.CodeRateLimited, "tomorrow")}, wit.CodeRateLimited, "tomorrow"},
		{run.Run{State: run.Failed}, wit.CodeInternal, "the run failed"},
		{run.Run{State: run.Aborted, Stop: "enough"}, wit.CodeTimeout, "stopped: enough"},
	} {
		err := c.r.Failure()
		if wit.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.r.State, err)
		}
	}
}

// TestWhatWaits is told to the owner, to sessions and to clients alike, urgent runs apart.
func TestWhatWaits(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		const other = session.Key("agent:main:a") // sorts before key, and came later
		sessiontest.Ensure(t, s, key, other)
		enqueue(t, s, key, "r1", "u1", "r2", "r3")
		enqueue(t, s, other, "u2")
		svc := run.New(run.Deps{Store: s, Sessions: sessions(s), Executor: &worker{}, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		if n, err := svc.Service().Queues(t.Context()); err != nil || n["runs"] != 5 {
			t.Errorf("queues %v, %v", n, err)
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			for limit, want := range map[int]string{0: "r1 u1 r2 r3", 2: "r1 u1", 9: "r1 u1 r2 r3"} {
				list, total, err := run.Queue(tx, key, limit)
				var got []string
				for _, r := range list {
					got = append(got, r.ID)
				}
				if strings.Join(got, " ") != want || total != 4 || err != nil {
					t.Errorf("limit %d: %v of %d, %v", limit, got, total, err)
				}
			}
			one, err := run.SessionQueue{}.Pending(tx, key)
			all, err2 := run.SessionQueue{}.PendingIn(tx, []session.Key{key, other})
			want := "{[r1 r2 r3] 1}"
			if fmt.Sprint(one) != want || fmt.Sprint(all[key]) != want || fmt.Sprint(all[other]) != "{[] 1}" || err != nil || err2 != nil {
				t.Errorf("pending %v, %v, %v, %v", one, all, err, err2)
			}
			if next, _, err := run.Next(tx, other); next != "" || err != nil {
				t.Errorf("next beside an urgent one: %q, %v", next, err)
			}
			if r, err := run.Enqueue(tx, run.Run{ID: "r4", Session: key}); r.Ahead != 4 || err != nil {
				t.Errorf("ahead %d, %v", r.Ahead, err)
			}
			return nil
		})
	})
}

// TestABeginOfWhatWaitsAndOfWhatRuns tells one from the other.
func TestABeginOfWhatWaitsAndOfWhatRuns(t *testing.T) {
	s := store.OpenMemory()
	sessiontest.Ensure(t, s, key)
	enqueue(t, s, key, "r1")
	svc := run.New(run.Deps{Store: s, Sessions: sessions(s), Executor: &worker{}, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
	for _, want := range []bool{false, true, true} {
		storetest.Update(t, s, func(tx store.Tx) error {
			resumed, err := run.Begin(svc, tx, run.Run{ID: "r1"})
			if resumed != want {
				t.Errorf("resumed %v, want %v", resumed, want)
			}
			return err
		})
	}
}

// TestNoRunHasSuchAnID: whatever is asked for, an id that no run can have is one that there is not.
func TestNoRunHasSuchAnID(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		sessiontest.Ensure(t, s, key)
		longest := strings.Repeat("r", 272)
		enqueue(t, s, key, longest)
		for id, want := range map[string]wit.Code{"": wit.CodeNotFound, "none": wit.CodeNotFound, longest: "", longest + "r": wit.CodeNotFound, strings.Repeat("r", 600): wit.CodeNotFound} {
			err := s.View(t.Context(), func(tx store.Tx) error { _, err := run.Find(tx, id); return err })
			if wit.CodeOf(err) != want || err != nil && !strings.HasPrefix(err.Error(), "there is no run") {
				t.Errorf("%d bytes: %v, want %q", len(id), err, want)
			}
		}
	})
}
