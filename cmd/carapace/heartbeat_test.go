//go:build linux

package main

import (
	"strings"
	"testing"
)

// TestHeartbeatCommands switch heartbeats on and off, and tell the assistant something.
func TestHeartbeatCommands(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, c := range []struct{ args, says string }{
		{"heartbeat", "no heartbeat yet"},
		{"heartbeat on", "the assistant wakes every 30m"},
		{"heartbeat off", "does not wake by itself"},
		{"heartbeat on --json", `"intervalMs": 1800000`},
		{"wake later --later", "noted for its next run"},
		{"wake now", "told"},
	} {
		if got := must(t, state, strings.Fields(c.args)...); !strings.Contains(got, c.says) {
			t.Errorf("%s: %s, want %q", c.args, got, c.says)
		}
	}
	if r := carapace(t, state, "heartbeat", "maybe"); r.code != exitUsage || !strings.Contains(r.err, "unknown command") {
		t.Errorf("%d %s", r.code, r.err)
	}
	if got := must(t, state, "tasks", "list"); !strings.Contains(got, "wake") || !strings.Contains(got, "[system event] now") {
		t.Errorf("%s", got)
	}
	if r := carapace(t, state, "tasks", "stop", "nothing"); r.code != exitFailed {
		t.Errorf("%d %s", r.code, r.err)
	}
	if got := must(t, state, "sessions", "list"); !strings.Contains(got, "main") {
		t.Errorf("nobody was told: %s", got)
	}
}
