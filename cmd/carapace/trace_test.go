package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// TestTrace shows the calls of a plugin from the first look on, those that are over and those that come.
func TestTrace(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	call := func() { must(t, state, "plugins", "call", "calc", "calc", `{"expression":"2*21"}`) }
	call()
	if r := carapace(t, state, "plugins", "trace", "calc"); r.code != 0 || r.out != "" || !strings.Contains(r.err, "from now on") {
		t.Errorf("before the first look: %+v", r)
	}
	call()
	out := must(t, state, "plugins", "trace", "calc")
	for _, want := range []string{"tool_invoke", " ok ", "memory ", "fuel ", "in "} {
		if strings.Count(out, want) != 1 {
			t.Errorf("%q is not there once: %s", want, out)
		}
	}
	if strings.Contains(out, "2*21") {
		t.Errorf("what was said is shown: %s", out)
	}
	var r plugin.TraceResult
	if err := json.Unmarshal([]byte(must(t, state, "plugins", "trace", "calc", "--json")), &r); err != nil || len(r.Calls) != 1 || r.Calls[0].Export != "tool_invoke" || r.Cursor != 1 {
		t.Errorf("--json: %v %+v", err, r)
	}
	if r := carapace(t, state, "plugins", "trace", "calx"); r.code != exitFailed || !strings.Contains(r.err, "there is no plugin calx") {
		t.Errorf("a plugin that is not there: %+v", r)
	}
	follow := command(t.Context(), t, state, "plugins", "trace", "calc", "-f")
	stdout, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if !strings.Contains(lines.Text(), "tool_invoke") {
			t.Errorf("a line of another form: %s", lines.Text())
		}
		if seen++; seen == 1 {
			call()
		} else {
			_ = follow.Process.Signal(os.Interrupt)
		}
	}
	if err := follow.Wait(); err != nil || seen != 2 {
		t.Errorf("followed %d calls: %v", seen, err)
	}
}
