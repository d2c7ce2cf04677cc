//go:build linux

package main

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// TestTasksAreFollowed until Ctrl-C: after the list comes a line for each that begins or ends.
func TestTasksAreFollowed(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	follow := command(t.Context(), t, state, "tasks", "list", "-f")
	stdout, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		switch seen = append(seen, line); {
		case len(seen) == 1:
			must(t, state, "wake", "the post is here")
		case strings.Contains(line, "completed"):
			_ = follow.Process.Signal(os.Interrupt)
		}
	}
	if err := follow.Wait(); err != nil || len(seen) < 3 || seen[0] != "nothing was asked yet" {
		t.Fatalf("%v: %q", err, seen)
	}
	first, last := seen[1], seen[len(seen)-1]
	if !strings.Contains(first, "  wake  running  [system event] the post is here") || !strings.Contains(last, "  wake  completed  [system event] the post is here") {
		t.Errorf("%q", seen)
	}
}
