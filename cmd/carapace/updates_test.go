//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestAnUpdateThatWaits for the owner's word is named by doctor, with what to do; grant shows what it wants, with its
// reasons, and asks; what is not granted goes on waiting.
func TestAnUpdateThatWaits(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	folder := filepath.Join(state, "plugins", "guest")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := func(version, more string) string {
		return `{"id":"guest","name":"Guest","version":"` + version + `","description":"x","abi":1,"entry":"plugin.wasm",
			"provides":{"tools":[{"name":"guest","description":"x","parameters":{"type":"object"}}]},"permissions":{"kv":{"reason":"to wait"}` + more + `}}`
	}
	write(t, filepath.Join(folder, "plugin.wasm"), string(kerneltest.WASM(t, "github.com/carapace-gateway/carapace/kernel/testdata/guest")))
	write(t, filepath.Join(folder, "plugin.json"), manifest("1.0.0", ""))
	serve(t, state)
	await(t, "the plugin", func() bool { return strings.Contains(plugins(t, state), "guest") })
	if out := must(t, state, "doctor"); !strings.Contains(out, "✓ plugins ") {
		t.Errorf("%s", out)
	}
	if r := carapace(t, state, "plugins", "grant", "guest", "--yes"); r.code != exitFailed || !strings.Contains(r.err, "nothing of guest waits for a grant") {
		t.Errorf("%+v", r)
	}

	write(t, filepath.Join(folder, "plugin.json"), manifest("2.0.0", `,"http":{"reason":"To ask for the weather.","hosts":["weather.example.org"]}`))
	await(t, "the update to wait", func() bool { return strings.Contains(plugins(t, state), "2.0.0") })
	if out := must(t, state, "doctor"); !strings.Contains(out, "! plugin guest ") || !strings.Contains(out, "the update 2.0.0") || !strings.Contains(out, "→ ") || !strings.Contains(out, "`carapace plugins grant guest`") {
		t.Errorf("%s", out)
	}
	shown := []string{"guest 2.0.0 wants more than was granted: ", "http (NOT GRANTED): To ask for the weather.", "weather.example.org"}
	if r := carapace(t, state, "plugins", "grant", "guest"); r.code != exitUsage || !strings.Contains(r.err, "add --yes") || !strings.Contains(r.out, shown[1]) {
		t.Errorf("where nobody can be asked: %+v", r)
	}
	for key, says := range map[string]string{"\r": "nothing was done", "n\r": "nothing was done", "\x03": "left; nothing was changed"} {
		screen := terminaltest.Start(t, command(context.Background(), t, state, "plugins", "grant", "guest"))
		screen.Await(t, "grant it? [y/N]")
		for _, text := range shown {
			screen.Await(t, text)
		}
		screen.Type(t, key)
		screen.Await(t, says)
		screen.AwaitEnd(t)
	}
	if out := must(t, state, "plugins", "info", "guest"); !strings.HasPrefix(out, "Guest 1.0.0") {
		t.Errorf("it was not granted and is %s", out)
	}
	screen := terminaltest.Start(t, command(context.Background(), t, state, "plugins", "grant", "guest"))
	screen.Await(t, "[y/N]")
	screen.Type(t, "y\r")
	screen.Await(t, "granted")
	screen.AwaitEnd(t)
	await(t, "the update to run", func() bool { return strings.HasPrefix(must(t, state, "plugins", "info", "guest"), "Guest 2.0.0") })
	if out := must(t, state, "doctor"); !strings.Contains(out, "✓ plugins ") || strings.Contains(out, "2.0.0") {
		t.Errorf("%s", out)
	}
}
