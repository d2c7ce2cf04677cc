package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestAPanicIsShownToTheAuthor where the tool was called, where the plugin is looked at, and in the log.
func TestAPanicIsShownToTheAuthor(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	folder := filepath.Join(state, "plugins", "faulty")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "plugin.wasm"), string(kerneltest.WASM(t, "github.com/carapace-gateway/carapace/kernel/testdata/faulty")))
	write(t, filepath.Join(folder, "plugin.json"), `{"id":"faulty","name":"Faulty","version":"1.0.0","description":"x","abi":1,"entry":"plugin.wasm",
		"provides":{"tools":[{"name":"faulty","description":"x","parameters":{"type":"object"}}]}}`)
	g := serve(t, state)
	await(t, "the plugin", func() bool { return strings.Contains(plugins(t, state), "faulty") })

	place := regexp.MustCompile(`rollTheDice|main\.go:\d+`)
	r := carapace(t, state, "plugins", "call", "faulty", "faulty", `{"sides":6}`)
	first, trace, _ := strings.Cut(r.err, "\n")
	if r.code != exitFailed || r.out != "" || !strings.HasPrefix(first, "carapace: ") || !strings.Contains(r.err, `no dice: {"sides":6}`) || !place.MatchString(trace) {
		t.Errorf("plugins call: %+v", r)
	}
	for line := range strings.Lines(trace) {
		if !strings.HasPrefix(line, "  ") {
			t.Errorf("the line %q of the trace looks like another message", line)
		}
	}
	r = carapace(t, state, "plugins", "call", "faulty", "faulty", `{}`, "--json")
	var failure struct {
		OK    bool
		Crash struct{ Message, Trace string }
	}
	if err := json.Unmarshal([]byte(r.err), &failure); err != nil || failure.OK || !strings.Contains(failure.Crash.Message+failure.Crash.Trace, "no dice") || !place.MatchString(failure.Crash.Trace) {
		t.Errorf("--json: %v %+v", err, r)
	}
	if out := must(t, state, "plugins", "info", "faulty"); !strings.Contains(out, "last crash, ") || !strings.Contains(out, "no dice: {}") || !place.MatchString(out) {
		t.Errorf("plugins info: %s", out)
	}
	if !strings.Contains(g.Log(), "no dice") {
		t.Errorf("the log: %s", g.Log())
	}
	if r := carapace(t, state, "plugins", "call", "calc", "calc", `{"expression":"2*3"}`); r.out != "6\n" {
		t.Errorf("another tool afterwards: %+v", r)
	}
}
