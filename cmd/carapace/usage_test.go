//go:build linux

package main

import (
	"strings"
	"testing"
)

// TestUsageCommand shows nothing before anything was used, and refuses what it cannot put together.
func TestUsageCommand(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, args := range []string{"usage", "usage --by model --days 7", "usage --by session"} {
		if got := must(t, state, strings.Fields(args)...); !strings.Contains(got, "nothing was used") {
			t.Errorf("%s: %s", args, got)
		}
	}
	if got := must(t, state, "usage", "--json"); !strings.Contains(got, `"totalCost": 0`) {
		t.Errorf("%s", got)
	}
	for args, says := range map[string]string{"usage --by moon": "it takes day, session", "usage --days 0": "--days", "usage x": "too much"} {
		if r := carapace(t, state, strings.Fields(args)...); r.code != exitUsage || !strings.Contains(r.err, says) {
			t.Errorf("%s: %d %s", args, r.code, r.err)
		}
	}
}
