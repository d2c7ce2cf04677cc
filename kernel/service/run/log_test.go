package run_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim/claimtest"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheLog tells the owner what keeps runs from going on, once for each try, a second apart; what goes well, a stop
// and a session that is held are not worth a word.
func TestTheLog(t *testing.T) {
	type parts struct {
		life
		t      *testing.T
		s      *storetest.Faulty
		claims *claimtest.Claims
		w      *worker
	}
	for name, c := range map[string]struct {
		do   func(p parts)
		want []string
		took time.Duration // until the run is as it ends
		ends run.State
	}{
		"all is well": {func(p parts) { p.Wake() }, nil, 0, run.Done},
		"what waits": {func(p parts) {
			p.s.Fail(storetest.FaultBefore, 1, 2)
			p.Wake()
		}, []string{"queue of runs not readable", "queue of runs not readable"}, 2 * time.Second, run.Done},
		"which is next": {func(p parts) {
			p.s.Fail(storetest.FaultBefore, 2, 1)
			p.Wake()
		}, []string{"queue of a session not readable"}, time.Second, run.Done},
		"the run": {func(p parts) {
			p.s.Fail(storetest.FaultBefore, 3, 1)
			p.Wake()
		}, []string{"run not brought to its end; it is tried again"}, time.Second, run.Done},
		"the claim": {func(p parts) {
			p.claims.Fail(wit.NewError(wit.CodeUnavailable, "no connection"))
			time.AfterFunc(time.Second/2, func() { p.claims.Fail(nil) })
			p.Wake()
		}, []string{"run not claimed"}, time.Second, run.Done},
		"a claim that is lost": {func(p parts) {
			lost := false
			p.w.prepare = func(ctx context.Context, _ run.Run) {
				if !lost {
					lost = true
					p.claims.Lose("session/" + string(key))
					<-ctx.Done()
				}
			}
			p.Wake()
		}, []string{"run left where it is: its claim was lost"}, 0, run.Done},
		"an executor that gives up": {func(p parts) {
			n := 0
			p.w.do = func(context.Context, *run.Active) error {
				if n++; n == 1 {
					return errors.New("a bug")
				}
				return nil
			}
			p.Wake()
		}, []string{"run not brought to its end; it is tried again"}, time.Second, run.Done},
		"a stop": {func(p parts) {
			p.w.do = untilStopped
			p.Wake()
			synctest.Wait()
			p.stop()
		}, nil, 0, run.Running},
		"a session that is held": {func(p parts) {
			prepared := make(chan struct{})
			p.w.prepare = func(context.Context, run.Run) { <-prepared }
			p.Wake()
			synctest.Wait()
			release, err := p.Hold(p.t.Context(), key, false)
			if err != nil {
				p.t.Fatal(err)
			}
			close(prepared)
			synctest.Wait()
			release()
		}, nil, 0, run.Done},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := store.OpenMemory()
				sessiontest.Ensure(t, disk, key)
				log := &logstest.Buffer{}
				p := parts{t: t, s: storetest.NewFaulty(disk), claims: new(claimtest.Claims), w: &worker{}}
				p.life = liveLogging(t, p.s, p.w, p.claims, hclog.New(&hclog.LoggerOptions{Output: log, DisableTime: true}))
				defer p.stop()
				synctest.Wait()
				enqueue(t, disk, key, "r1")
				state := func() (state run.State) {
					synctest.Wait()
					storetest.Update(t, disk, func(tx store.Tx) error {
						r, err := run.Find(tx, "r1")
						state = r.State
						return err
					})
					return state
				}
				c.do(p)
				if c.took > 0 {
					time.Sleep(c.took - time.Millisecond)
					if got := state(); got == c.ends {
						t.Errorf("%s too early", got)
					}
					time.Sleep(time.Millisecond)
				}
				if got := state(); got != c.ends {
					t.Errorf("after %v it is %s", c.took, got)
				}
				var got []string
				for line := range strings.Lines(log.String()) {
					_, line, _ = strings.Cut(line, "run: ")
					what, _, _ := strings.Cut(line, ": error=")
					what, _, _ = strings.Cut(what, ": claim=")
					what, _, _ = strings.Cut(what, ": run=")
					what, _, _ = strings.Cut(what, ": session=")
					got = append(got, what)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestADamagedRunInAnOutage is announced once it is set aside, and not before.
func TestADamagedRunInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := store.OpenMemory()
		sessiontest.Ensure(t, disk, key)
		enqueue(t, disk, key, "r1")
		damage(t, disk, "r1", "{")
		s := storetest.NewFaulty(disk)
		s.Fail(storetest.FaultCommit, 4, 1) // what waits, which is next, the run, and its end
		log, w := &logstest.Buffer{}, &worker{}
		p := liveLogging(t, s, w, new(claimtest.Claims), hclog.New(&hclog.LoggerOptions{Output: log}))
		defer p.stop()
		synctest.Wait()
		if len(w.gone()) != 0 || !strings.Contains(log.String(), "damaged run not set aside") {
			t.Errorf("announced %q, logged %s", w.gone(), log)
		}
		time.Sleep(time.Second)
		if synctest.Wait(); len(w.gone()) != 1 || strings.Count(log.String(), "not set aside") != 1 {
			t.Errorf("announced %q, logged %s", w.gone(), log)
		}
	})
}
