//go:build unix

package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHostileFiles has in the plugins folder what no plugin should be: the gateway starts, says what is wrong with
// each, and serves the one that is well.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := func(name string) string {
		path := filepath.Join(state, "plugins", name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	manifestOf := func(id string, change ...func(*wit.Manifest)) []byte {
		return marshal(guestManifest("1.0.0", append(change, func(m *wit.Manifest) {
			m.ID = id
			m.Provides.Tools[0].Name = strings.ReplaceAll(id, "-", "_")
		})...))
	}
	var bomb strings.Builder
	for n := range 18 {
		fmt.Fprintf(&bomb, `"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, n, n+1, n+1)
	}
	schema := wit.JSON(`{"$ref":"#/$defs/a0","$defs":{` + bomb.String() + `"a18":{}}}`)

	must(syscall.Mkfifo(filepath.Join(dir("pipe"), "plugin.json"), 0o600))
	must(os.Symlink("/dev/zero", filepath.Join(dir("zero"), "plugin.json")))
	must(os.Symlink("/dev/zero", filepath.Join(dir("code-zero"), "plugin.wasm")))
	put(t, dir("code-zero"), map[string][]byte{"plugin.json": manifestOf("code-zero")})
	must(syscall.Mkfifo(filepath.Join(dir("code-pipe"), "plugin.wasm"), 0o600))
	put(t, dir("code-pipe"), map[string][]byte{"plugin.json": manifestOf("code-pipe")})
	must(os.Mkdir(filepath.Join(dir("folder"), "plugin.json"), 0o755))
	must(os.Symlink(dir("loop"), filepath.Join(dir("loop"), "plugin.json")))
	put(t, dir("large"), map[string][]byte{"plugin.json": append(manifestOf("large"), make([]byte, wit.ManifestMax)...)})
	put(t, dir("config-bomb"), map[string][]byte{"plugin.wasm": {0}, "plugin.json": manifestOf("config-bomb", func(m *wit.Manifest) { m.Config = schema })})
	put(t, dir("tool-bomb"), map[string][]byte{"plugin.wasm": {0}, "plugin.json": manifestOf("tool-bomb", func(m *wit.Manifest) { m.Provides.Tools[0].Parameters = schema })})
	must(syscall.Mkfifo(filepath.Join(state, "plugins", "no-folder"), 0o600))
	put(t, dir("guest"), map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(guestManifest("1.0.0"))})

	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	if got := l.tell("say"); got != "v1" {
		t.Errorf("%q", got)
	}
	var list struct{ Plugins []plugin.Status }
	must(l.Call(t.Context(), "plugins.status", nil, &list))
	found := map[string]plugin.Status{}
	for _, p := range list.Plugins {
		found[p.ID] = p
	}
	for id, words := range map[string]string{
		"pipe": "plugin.json is not a plain file", "zero": "plugin.json is not a plain file", "folder": "plugin.json is not a plain file",
		"loop": "plugin.json", "large": "plugin.json", "code-zero": "plugin.wasm cannot be read: make it a plain file", "code-pipe": "plugin.wasm cannot be read: make it a plain file",
		"config-bomb": "config: has more than 100000 parts", "tool-bomb": "parameters: has more than 100000 parts",
	} {
		if p := found[id]; p.State != plugin.StateFailed || !strings.Contains(p.Reason, words) {
			t.Errorf("%s: %s %q, want failed with %q", id, p.State, p.Reason, words)
		}
	}
	k.Stop()
}

// TestHostileNamesOfFolders has in the plugins folder what is named after an escape sequence, after bytes that are no text, and
// after what stands for them elsewhere: the figures are served all the same, and bring no sequence to a terminal.
func TestHostileNamesOfFolders(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for _, name := range []string{"red\x1b[31m", `red\u001b[31m`, "two\nlines", "raw\xff", "raw\xfe", "turn\u202ed"} {
		path := filepath.Join(state, "plugins", name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, path, map[string][]byte{"plugin.json": []byte("{}")})
	}
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Plugin(kerneltest.Echo("echo")))
	res, text := k.Exchange("GET", "/metrics", nil)
	if res.StatusCode != 200 || !strings.Contains(text, `carapace_plugin_calls_total{plugin="echo"}`) || !strings.Contains(text, `plugin="red\\u001b[31m"`) {
		t.Errorf("status %d: %.600s", res.StatusCode, text)
	}
	if text != plain.Text(text) {
		t.Errorf("they bring to a terminal: %q", text)
	}
}
