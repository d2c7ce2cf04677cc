package run_test

import (
	"bytes"
	"context"
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

// damage makes a run's record one that cannot be read, or takes it away.
func damage(t *testing.T, s store.Store, id, record string) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		if _, err := run.Find(tx, id); err != nil {
			return err
		}
		if record == gone {
			return tx.Delete("runs", id)
		}
		return tx.Put("runs", id, []byte(record))
	})
}

const gone = "gone"

// TestADamagedRun fails and is set aside, whatever it was doing: what waits behind it goes on, who waits for it hears
// of it, the doctor names it, and its record stays as it was found.
func TestADamagedRun(t *testing.T) {
	for name, record := range map[string]string{"no JSON": "{", "nothing": "", "another type": `{"id":7}`, "gone": gone} {
		for _, c := range []struct{ id, was string }{{"r1", "waits"}, {"r1", "runs"}, {"u1", "waits"}} {
			t.Run(name+" "+c.id+" "+c.was, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := store.OpenMemory()
					sessiontest.Ensure(t, s, key)
					enqueue(t, s, key, "r1", "u1", "r2", "r3")
					if c.was == "runs" {
						storetest.Update(t, s, func(tx store.Tx) error { _, err := run.StartID(tx, c.id); return err })
					}
					damage(t, s, c.id, record)
					var log bytes.Buffer
					w := &worker{}
					p := liveLogging(t, s, w, new(claim.Local), hclog.New(&hclog.LoggerOptions{Output: &log}))
					defer p.stop()
					time.Sleep(time.Minute)
					for _, id := range []string{"r1", "u1", "r2", "r3"} {
						r, err := p.Find(t.Context(), id)
						if id != c.id && (err != nil || r.State != run.Done) {
							t.Errorf("%s: %+v, %v", id, r, err)
						}
					}
					if w.clash || len(w.ids()) != 3 {
						t.Errorf("begun: %q", w.ids())
					}
					wantSetAside(t, p, s, c.id, record)
					if n := strings.Count(log.String(), "damaged"); n != 1 {
						t.Errorf("it is logged %d times: %s", n, &log)
					}
				})
			})
		}
	}
}

// wantSetAside checks what is left of a damaged run, and that it is forgotten in the end.
func wantSetAside(t *testing.T, p life, s store.Store, id, record string) {
	t.Helper()
	r, err := p.Wait(t.Context(), id)
	if err != nil || r.State != run.Failed || wit.CodeOf(r.Failure()) != wit.CodeInternal || r.Session != key {
		t.Errorf("the damaged run: %+v, %v", r, err)
	}
	check := p.Service.Service().Checks[0](t.Context())
	if !check.OK || !check.Warning || !strings.Contains(check.Message, `"`+id+`" of `+string(key)) {
		t.Errorf("the doctor: %+v", check)
	}
	kept := func() (found []byte, err error) {
		err = s.View(context.Background(), func(tx store.Tx) error { found, err = tx.Get("runs.damaged", id); return err })
		return found, err
	}
	if got, err := kept(); err != nil || string(got) != strings.TrimPrefix(record, gone) {
		t.Errorf("kept %q, %v", got, err)
	}
	time.Sleep(31 * 24 * time.Hour)
	submit(t, p.Service, key, "later")
	if _, err := p.Wait(t.Context(), "later"); err != nil {
		t.Error(err)
	}
	if got, err := kept(); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a month later: %q, %v", got, err)
	}
	if check := p.Service.Service().Checks[0](t.Context()); !check.OK || check.Warning {
		t.Errorf("the doctor, a month later: %+v", check)
	}
}

// TestADamagedRunIsStopped like any other: its session can be read, reset and deleted at once.
func TestADamagedRunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.OpenMemory()
		sessiontest.Ensure(t, s, key)
		enqueue(t, s, key, "r1", "u1", "r2")
		storetest.Update(t, s, func(tx store.Tx) error { _, err := run.StartID(tx, "r1"); return err })
		damage(t, s, "r1", "{")
		w := &worker{}
		svc := run.New(run.Deps{Store: s, Sessions: sessions(s), Executor: w, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		storetest.Update(t, s, func(tx store.Tx) error {
			list, total, err := run.Queue(tx, key, 0)
			if len(list) != 2 || total != 2 || list[0].ID != "u1" {
				t.Errorf("queue %+v of %d", list, total)
			}
			return err
		})
		if ids, err := svc.Stop(t.Context(), run.Selection{Session: key}, "enough"); err != nil || len(ids) != 0 {
			t.Errorf("stopped %v, %v", ids, err)
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			e, err := session.Get(tx, key)
			if e.LastRun != "r1" || !strings.Contains(e.LastRunError, "damaged") {
				t.Errorf("what the session says of it: %+v", e)
			}
			return err
		})
		release, err := svc.Hold(t.Context(), key, true)
		defer release()
		if err != nil {
			t.Fatal(err)
		}
		if r, err := svc.Find(t.Context(), "r1"); err != nil || r.State != run.Failed {
			t.Errorf("the damaged run: %+v, %v", r, err)
		}
		if got := strings.Join(w.dropped, " "); got != "r1 r2" {
			t.Errorf("announced %q", got)
		}
		storetest.Update(t, s, func(tx store.Tx) error { _, _, err := session.Reset(tx, key); return err })
	})
}
