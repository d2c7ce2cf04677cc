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

// TestWhatANameStandsFor: what is asked by a name that has no price costs what the model does that has answered, and from then on
// limits are held before it is asked.
func TestWhatANameStandsFor(t *testing.T) {
	db := store.OpenMemory()
	settings := usage.Settings{Prices: map[string]usage.Price{"p/m-1": {Input: 1e6}, "p/own": {Input: 2e6}}, Limits: usage.Limits{Day: 5.5}}
	s := usage.New(usage.Deps{Store: db, Settings: func() usage.Settings { return settings }, Zone: time.UTC})
	allows := func(model string, tokens uint64) bool {
		t.Helper()
		p, err := s.Allow(t.Context(), usage.Question{Provider: "p", Model: model, Tokens: tokens})
		p.Release()
		if err != nil && wit.CodeOf(err) != wit.CodeRateLimited {
			t.Fatal(err)
		}
		return err == nil
	}
	count := func(name, model string) {
		t.Helper()
		if err := db.Update(t.Context(), func(tx store.Tx) error {
			return s.Count(tx, usage.Counted{Provider: "p", Model: name, Usage: wit.Usage{Input: 1, Model: model}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if !allows("latest", 100) {
		t.Error("a name of which nothing is known is refused")
	}
	count("latest", "m-1") // $1
	count("own", "m-1")    // $2: it has a price
	count("latest", "new") // the name stands for another one now, which has no price
	if !allows("latest", 100) {
		t.Error("a model without a price is refused")
	}
	count("latest", "m-1") // $1
	if !allows("latest", 1) || allows("latest", 2) || !allows("own", 0) || allows("own", 1) {
		t.Error("$4 of $5.50 are spent: a token more fits where it costs $1, and neither two of them nor one for $2")
	}
}
