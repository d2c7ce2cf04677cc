package usage

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestMonths are put together of the days that are kept, and no others; of the first of them the answer says so.
func TestMonths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins on the first day of 2000
		db := store.OpenMemory()
		s := New(Deps{Store: db, Settings: func() Settings { return Settings{Prices: map[string]Price{"p/*": {Input: 2}}} }, Zone: time.UTC,
			Session: func(key, _ string) (string, error) { return key, nil }})
		count := func(agent string) {
			t.Helper()
			if err := db.Update(t.Context(), func(tx store.Tx) error {
				return s.Count(tx, Counted{Session: "s-" + agent, Agent: agent, Provider: "p", Model: "m", Usage: wit.Usage{Input: 1e6}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		ask := func(p MonthlyParams) MonthlyResult {
			t.Helper()
			r, err := s.monthly(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := ask(MonthlyParams{}); r.Summaries == nil || len(r.Summaries) != 0 || r.Months != 12 || r.KeptDays != 400 || r.KeptSince != "1998-11-28" {
			t.Errorf("nothing yet: %+v", r)
		}
		for day := range 450 {
			count("main")
			if day%2 == 0 {
				count("ops")
			}
			time.Sleep(24 * time.Hour)
		}
		// It is the 26th of March 2001: the 400 days begin on the 21st of February 2000.
		r := ask(MonthlyParams{Months: 120})
		first, last := r.Summaries[0], r.Summaries[len(r.Summaries)-1]
		if len(r.Summaries) != 14 || r.KeptSince != "2000-02-21" || first.Month != "2000-02" || !first.Partial || last.Month != "2001-03" || last.Partial {
			t.Fatalf("%+v", r)
		}
		// Nine days of February and 25 of March; of every other one there is ops's too.
		if first.Input != (9+4)*1e6 || last.Input != (25+12)*1e6 || last.TotalCost != 2*float64(last.Input)/1e6 {
			t.Errorf("%+v\n%+v", first, last)
		}
		if own := ask(MonthlyParams{Months: 120, AgentID: "main"}); len(own.Summaries) != 14 || own.Summaries[0].Input != 9e6 || own.Totals.Input != 399e6 {
			t.Errorf("an agent's: %+v", own)
		}
		if r := ask(MonthlyParams{Months: 2}); len(r.Summaries) != 2 || r.Summaries[0].Month != "2001-02" || r.Summaries[0].Partial {
			t.Errorf("two months: %+v", r)
		}
		if r := ask(MonthlyParams{}); len(r.Summaries) != 12 || r.Summaries[0].Month != "2000-04" {
			t.Errorf("a year: %+v", r)
		}
	})
}
