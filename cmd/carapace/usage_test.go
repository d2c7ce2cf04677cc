//go:build linux

package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/usage"
)

// TestUsageCommand shows nothing before anything was used, and refuses what it cannot put together.
func TestUsageCommand(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, args := range []string{"usage", "usage --by model --days 7", "usage --by session", "usage --by month", "usage --by month --months 3"} {
		if got := must(t, state, strings.Fields(args)...); !strings.Contains(got, "nothing was used") {
			t.Errorf("%s: %s", args, got)
		}
	}
	if got := must(t, state, "usage", "--by", "month"); !strings.Contains(got, "the last 400 days are kept, since ") {
		t.Errorf("%s", got)
	}
	if got := must(t, state, "usage", "--json"); !strings.Contains(got, `"totalCost": 0`) {
		t.Errorf("%s", got)
	}
	for args, says := range map[string]string{"usage --by moon": "it takes day, month, session", "usage --by month --days 3": "--days means nothing", "usage --months 3": "--months means nothing", "usage --days 0": "--days", "usage x": "too much"} {
		if r := carapace(t, state, strings.Fields(args)...); r.code != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%s: %d %s", args, r.code, r.err)
		}
	}
}

// TestUsageWithoutAPrice says so, and not that it has cost nothing.
func TestUsageWithoutAPrice(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	day := func(date string, cost float64, missing int64) usage.Day {
		return usage.Day{Date: date, Totals: usage.Totals{Input: 10, TotalTokens: 10, TotalCost: cost, MissingCostEntries: missing}}
	}
	r := usage.CostResult{Daily: []usage.Day{day("2026-11-27", 0.5, 0), day("2026-11-28", 0, 2), day("2026-11-29", 0.25, 1)}}
	for _, d := range r.Daily {
		r.Totals.TotalCost += d.TotalCost
		r.Totals.MissingCostEntries += d.MissingCostEntries
	}
	if err := printDays(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"2026-11-27  10  0  0  10  $0.5000\n", "2026-11-28  10  0  0  10  no price\n", "2026-11-29  10  0  0  10  $0.2500 + no price\n", "all  0  0  0  0  $0.7500 + no price\n", "3 answers without a price"} {
		if !strings.Contains(spaced(b.String()), line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
}

// spaced has two blanks between the columns of a table.
func spaced(table string) string { return regexp.MustCompile(`  +`).ReplaceAllString(table, "  ") }
