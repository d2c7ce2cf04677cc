package plugin_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// buildExample compiles an example plugin to WebAssembly and returns its code and manifest.
func buildExample(t *testing.T, name string) (code, manifest string) {
	t.Helper()
	folder := filepath.Join("..", "..", "pdk-examples", name)
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./"+folder)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	m, err := os.ReadFile(filepath.Join(folder, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(c), string(m)
}

// TestWASM drops a plugin that was built with an unmodified PDK into the folder of a running registry.
func TestWASM(t *testing.T) {
	t.Parallel()
	code, manifest := buildExample(t, "go-extism-tool")
	dir := t.TempDir()
	r := newRig(t, store.OpenMemory(), source.Folder(dir))
	wasm, err := runtime.New(context.Background(), runtime.Config{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wasm.Close(context.Background()) })
	r.Registry, err = plugin.Open(context.Background(), plugin.Deps{Engine: engine.Scripts(wasm, engine.JavaScript{}, engine.Python{}),
		Host: host.New(host.Deps{Store: r.db, Egress: egress.New(egress.Config{}), Vault: noVault{}, Bus: r.bus}), Store: r.db,
		Settings: r.settings, Bus: r.bus, Gateway: "1.0.0", Sources: []source.Source{source.Folder(dir)}})
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	folder := filepath.Join(dir, "go-extism-tool")
	write(t, filepath.Join(folder, "plugin.wasm"), code)
	write(t, filepath.Join(folder, "plugin.json"), manifest)
	r.wait("go-extism-tool 1.0.0 verified")
	ask := func() {
		t.Helper()
		tool, err := r.Tool("count_words")
		if err != nil {
			t.Fatal(err)
		}
		out, err := tool.Invoke(context.Background(), &wit.ToolInvocation{Args: wit.JSON(`{"text":"two words"}`)}, nil)
		if err != nil || *out.Content[0].Text != "1 lines, 2 words, 9 characters" {
			t.Fatal(out, err)
		}
	}
	ask()
	r.wait("go-extism-tool 1.0.0 ready") // at the latest after a call
	d, err := r.Info("go-extism-tool")
	if err != nil || d.State != plugin.StateReady || d.Stats.Calls != 1 || len(d.Hash) != 64 {
		t.Errorf("%+v %v", d, err)
	}

	for name, broken := range map[string]string{
		"cut off":   code[:len(code)/2],
		"component": "\x00asm\x0d\x00\x01\x00",
		"text":      "this is no code",
	} {
		write(t, filepath.Join(folder, "plugin.wasm"), broken)
		c := r.wait("go-extism-tool 1.0.0 failed")
		t.Logf("%s: %s", name, c.Reason)
		if name == "component" && !strings.Contains(c.Reason, "component") {
			t.Errorf("%s: %s", name, c.Reason)
		}
		ask() // what was loaded goes on
	}
	write(t, filepath.Join(folder, "plugin.wasm"), code)
	write(t, filepath.Join(folder, "plugin.json"), strings.Replace(manifest, `"tools"`, `"provider":{"label":"x"},"tools"`, 1))
	if c := r.wait("go-extism-tool 1.0.0 failed"); c.Reason != "needs grant: provider" {
		t.Errorf("%+v", c)
	}
	d, err = r.Info("go-extism-tool")
	if err != nil || d.Waiting == nil {
		t.Fatal(d, err)
	}
	if err := r.Grant(context.Background(), "go-extism-tool", d.Waiting.Digest); err != nil {
		t.Fatal(err)
	}
	if c := r.wait("go-extism-tool 1.0.0 failed"); !strings.Contains(c.Reason, "provider_request, provider_chunk") {
		t.Errorf("%+v", c)
	}
	ask()
	write(t, filepath.Join(folder, "plugin.json"), strings.Replace(manifest, "1.0.0", "1.0.1", 1))
	r.wait("go-extism-tool 1.0.1 ready")
	ask()
}
