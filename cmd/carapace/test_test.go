package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestPluginsTest tests a plugin that was just begun, breaks it, and reads what is said of it; no gateway runs.
func TestPluginsTest(t *testing.T) {
	t.Parallel()
	state, folder := stateDir(t), filepath.Join(t.TempDir(), "dice")
	must(t, state, "plugins", "new", folder, "--kind", "tool", "--lang", "ts")
	if out := must(t, state, "plugins", "test", folder); strings.Contains(out, "✗") || !strings.Contains(out, "✓ tool_invoke answers what is usual\n") || !strings.Contains(out, "checks of dice 1.0.0 in ") {
		t.Errorf("a new plugin: %s", out)
	}
	code := filepath.Join(folder, "plugin.ts")
	text, err := os.ReadFile(code)
	if err != nil {
		t.Fatal(err)
	}
	write(t, code, strings.Replace(string(text), "export function toolInvoke", "let calls = 0;\nexport function toolInvoke(): never { throw new Error(`call ${++calls}`); }\nfunction old", 1))
	r := carapace(t, state, "plugins", "test", folder)
	if r.code != exitFailed || !strings.Contains(r.out, "✗ tool_invoke answers what is usual\n    roll: it crashes: call ") || !strings.Contains(r.out, "\n    → ") || !strings.Contains(r.err, " failed") {
		t.Errorf("a broken one: %+v", r)
	}
	r = carapace(t, state, "plugins", "test", folder, "--json")
	var report conformance.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != exitFailed || r.err != "" || report.Plugin != "dice" || report.Failures() == 0 {
		t.Errorf("--json: %v %+v", err, r)
	}
	write(t, filepath.Join(folder, "plugin.json"), "{}")
	if r := carapace(t, state, "plugins", "test", folder); r.code != exitFailed || !strings.Contains(r.out, "✗ the manifest is valid") {
		t.Errorf("a manifest that is none: %+v", r)
	}
	if r := carapace(t, state, "plugins", "test", t.TempDir()); r.code != exitFailed || !strings.Contains(r.err, "there is no plugin.json") {
		t.Errorf("a folder that has no plugin: %+v", r)
	}
}

// TestPluginsTestOfAModule takes code that was built already.
func TestPluginsTestOfAModule(t *testing.T) {
	t.Parallel()
	state, folder := stateDir(t), t.TempDir()
	example := filepath.Join(repository(t), "pdk-examples", "go-hook")
	manifest, err := os.ReadFile(filepath.Join(example, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "plugin.json"), string(manifest))
	file := filepath.Join(folder, "any.wasm")
	write(t, file, string(kerneltest.WASM(t, "github.com/carapace-gateway/carapace/pdk-examples/go-hook")))
	if out := must(t, state, "plugins", "test", file); strings.Contains(out, "✗") || !strings.Contains(out, "✓ hook_handle answers fields of the future") {
		t.Errorf("%s", out)
	}
}
