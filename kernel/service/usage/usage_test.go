package usage_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestUsageIsForgotten after 400 days, a few days at each answer.
func TestUsageIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := store.OpenMemory()
		s := usage.New(usage.Deps{Store: db, Settings: func() usage.Settings { return usage.Settings{} }, Zone: time.UTC})
		count := func() {
			if err := db.Update(t.Context(), func(tx store.Tx) error {
				return s.Count(tx, usage.Counted{Session: "s", Provider: "p", Model: "m", Usage: wit.Usage{Input: 1}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		kept := func(space string) (n int) {
			_ = db.View(t.Context(), func(tx store.Tx) error {
				for range tx.Scan(space, store.Range{}) {
					n++
				}
				return nil
			})
			return n
		}
		for range 20 {
			count()
			time.Sleep(24 * time.Hour)
		}
		if kept("usage") != 20 || kept("usage.day") != 20 {
			t.Errorf("%d and %d", kept("usage"), kept("usage.day"))
		}
		time.Sleep(421 * 24 * time.Hour)
		for range 3 {
			count()
		}
		if kept("usage") != 1 || kept("usage.day") != 1 {
			t.Errorf("%d and %d are left", kept("usage"), kept("usage.day"))
		}
	})
}
