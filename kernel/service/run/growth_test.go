package run_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestWhatWaitsElsewhereCostsNothing: whatever is asked about one session reads the same however many runs wait in others.
func TestWhatWaitsElsewhereCostsNothing(t *testing.T) {
	read := func(waiting int) map[string]int64 {
		reads := storetest.NewReads(store.OpenMemory())
		sessiontest.Ensure(t, reads, key)
		enqueue(t, reads, key, "mine")
		for i := range waiting {
			elsewhere := session.Key(fmt.Sprint("agent:main:e", i))
			sessiontest.Ensure(t, reads, elsewhere)
			enqueue(t, reads, elsewhere, fmt.Sprint("e", i))
		}
		svc := run.New(run.Deps{Store: reads, Sessions: sessions(reads), Executor: &worker{}, Claims: new(claim.Local), Log: hclog.NewNullLogger()})
		got := map[string]int64{}
		for what, do := range map[string]func(store.Tx) error{
			"pending": func(tx store.Tx) error {
				all, err := run.SessionQueue{}.PendingIn(tx, []session.Key{key})
				if fmt.Sprint(all[key]) != "{[mine] 0}" {
					t.Errorf("pending %v", all[key])
				}
				return err
			},
			"look": func(tx store.Tx) error {
				live, err := run.Look(svc, tx, key)
				if len(live) != 1 || live[0].Key != key {
					t.Errorf("with work: %v", live)
				}
				return err
			},
			"next": func(tx store.Tx) error { _, _, err := run.Next(tx, key); return err },
			"enqueue": func(tx store.Tx) error {
				_, err := run.Enqueue(tx, run.Run{ID: "more", Session: key})
				return err
			},
		} {
			got[what] = reads.Of(func() { storetest.Update(t, reads, do) })
			if what == "enqueue" {
				storetest.Update(t, reads, func(tx store.Tx) error {
					_, err := run.Finish(tx, "more", run.Done, func(*run.Run) {})
					return err
				})
			}
		}
		got["queues"] = reads.Of(func() {
			if n, err := svc.Service().Queues(t.Context()); n["runs"] != waiting+1 || err != nil {
				t.Errorf("%v, %v", n, err)
			}
		})
		return got
	}
	few, many := read(300), read(3000)
	if fmt.Sprint(few) != fmt.Sprint(many) {
		t.Errorf("records read with 300 waiting elsewhere: %v, with 3,000: %v", few, many)
	}
}
