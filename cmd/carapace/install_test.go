//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// workshop is a folder with a plugin that rolls dice, and its author's key.
func workshop(t *testing.T, state string) (dir, public string) {
	t.Helper()
	dir = t.TempDir()
	must(t, state, "plugins", "new", filepath.Join(dir, "dice"), "--lang", "ts", "--kind", "tool")
	return dir, strings.TrimSpace(must(t, state, "plugins", "keygen", filepath.Join(dir, "ada.key")))
}

// release packs a version of it, and returns its file and digest.
func release(t *testing.T, state, dir, version string, more ...string) (file, digest string) {
	t.Helper()
	manifest := filepath.Join(dir, "dice", "plugin.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m["version"] = version
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	write(t, manifest, string(text))
	file = filepath.Join(dir, "dice-"+version+".carapace")
	lines := strings.Fields(must(t, state, append([]string{"plugins", "pack", filepath.Join(dir, "dice"), "--out", file}, more...)...))
	if len(lines) != 2 || lines[0] != file || !strings.HasPrefix(lines[1], "sha256:") {
		t.Fatalf("pack says %q", lines)
	}
	return file, lines[1]
}

// TestTheOwnerIsAsked what is installed: it is shown, and nothing is done without a yes.
func TestTheOwnerIsAsked(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	dir, public := workshop(t, state)
	file, digest := release(t, state, dir, "1.0.0", "--key", filepath.Join(dir, "ada.key"))
	for _, answer := range []string{"\n", "n\n", "y\n"} {
		screen := terminaltest.Start(t, command(context.Background(), t, state, "plugins", "install", file))
		screen.Await(t, "install it? [y/N]")
		raw := screen.Raw()
		for _, shown := range []string{"Dice 1.0.0 (dice)", digest, public, "tool:roll", "! it is signed by somebody whom you have not named as trusted"} {
			if !strings.Contains(raw, shown) {
				t.Errorf("it does not show %q: %s", shown, raw)
			}
		}
		screen.Type(t, answer)
		screen.AwaitEnd(t)
		if installed := strings.Contains(plugins(t, state), "installed:dice"); installed != (answer == "y\n") {
			t.Errorf("after %q it is installed: %v\n%s", answer, installed, screen.Raw())
		}
	}
	if out := must(t, state, "plugins", "call", "dice", "roll", "{}"); len(out) != 2 {
		t.Errorf("it rolls %q", out)
	}
	if out := must(t, state, "plugins", "info", "dice"); !strings.Contains(out, "* 1.0.0 "+digest) || !strings.Contains(out, "signed by "+public) {
		t.Error(out)
	}
	// A folder that is here is not what a registry has.
	if r := carapace(t, state, "plugins", "install", "author"); !strings.Contains(r.err, "; for what is in this folder say ./author") {
		t.Error(r.err)
	}
	if out := must(t, state, "plugins", "install", file); !strings.Contains(out, "dice 1.0.0 is what is installed") {
		t.Error(out)
	}
}

// TestInstalledByAScript: without anybody to be asked only what is pinned, or signed by somebody who is trusted.
func TestInstalledByAScript(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	dir, public := workshop(t, state)
	key := filepath.Join(dir, "ada.key")
	one, digest := release(t, state, dir, "1.0.0")
	empty := filepath.Join(dir, "empty.carapace")
	write(t, empty, "")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"install", one}, exitUsage, "nobody can be asked here"},
		{[]string{"install", one, "--yes"}, exitFailed, "nobody whom you trust has signed dice 1.0.0"},
		{[]string{"install", one, "--yes", "--digest", "sha256:00"}, exitFailed, "and not what --digest names: nothing was done"},
		{[]string{"install", "dice-1.0.0"}, exitFailed, "no registry is configured"},
		{[]string{"install", "dice@^1"}, exitFailed, "no registry is configured"},
		{[]string{"install", filepath.Join(dir, "none.carapace")}, exitFailed, "there is no file or folder"},
		{[]string{"install", key}, exitFailed, "this is no archive of a plugin"},
		{[]string{"install", dir}, exitFailed, "there is no plugin.json"},
		{[]string{"install"}, exitUsage, "SOURCE is missing"},
		{[]string{"verify", one}, exitFailed, "nobody has signed it"},
		{[]string{"verify", one, "--signer", public}, exitFailed, "has not signed it"},
		{[]string{"verify", one, "--signer", "ada"}, exitUsage, "is no public key"},
		{[]string{"sign", one}, exitUsage, "which key? name its file"},
		{[]string{"sign", one, "--key", one}, exitFailed, "no file of a private key"},
		{[]string{"keygen", key}, exitFailed, "is there already"},
		{[]string{"pack", dir}, exitFailed, "there is no plugin.json"},
		{[]string{"install", empty, "--yes", "--digest", digest}, exitFailed, "is empty: get it once more"},
		{[]string{"verify", dir}, exitFailed, "is a folder: `carapace plugins pack " + dir + "` makes an archive of it"},
		{[]string{"publish", dir, "--to", dir, "--key", key}, exitFailed, "is a folder: `carapace plugins pack"},
		{[]string{"rollback", "dice"}, exitFailed, "there is no plugin dice"},
		{[]string{"remove", "dice", "--yes"}, exitFailed, "there is no plugin dice"},
		{[]string{"remove", "calc", "--yes"}, exitFailed, "comes with the gateway: `carapace plugins disable calc`"},
		{[]string{"revoke", "dice"}, exitFailed, "there is no plugin dice"},
		{[]string{"update", "calc"}, exitFailed, "it comes with the gateway"},
	} {
		if r := carapace(t, state, append([]string{"plugins"}, c.args...)...); r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%q: exit %d, %q, want %d, %q", c.args, r.code, r.err, c.code, c.says)
		}
	}
	if out := must(t, state, "plugins", "install", one, "--yes", "--digest", digest, "--json"); !strings.Contains(out, `"digest": "`+digest) || !json.Valid([]byte(out)) {
		t.Error(out)
	}
	huge := make([]byte, 24<<20)                  // which nothing makes smaller
	_, _ = rand.NewChaCha8([32]byte{}).Read(huge) // it never fails
	write(t, filepath.Join(dir, "huge.carapace"), string(huge))
	if r := carapace(t, state, "plugins", "install", filepath.Join(dir, "huge.carapace")); r.code != exitFailed || !strings.Contains(r.err, "24.0 MB, and the gateway takes 18.7 MB from here: put it at an https address") {
		t.Errorf("%+v", r)
	}
	if out := must(t, state, "plugins", "update"); !strings.Contains(out, "no plugin was installed from an address") {
		t.Error(out)
	}
	must(t, state, "config", "set", "signers.ada", public)
	two, signed := release(t, state, dir, "1.1.0")
	must(t, state, "plugins", "sign", two, "--key", key)
	if out := must(t, state, "plugins", "verify", two, "--signer", public); out != "dice 1.1.0\n"+signed+"\nsigned by "+public+"\n" {
		t.Error(out)
	}
	if out := must(t, state, "plugins", "install", two, "--yes"); !strings.Contains(out, "signed by ada "+public) || !strings.HasSuffix(out, "dice 1.1.0 is installed (ready)\n") {
		t.Error(out)
	}
	if out := must(t, state, "plugins", "rollback", "dice"); out != "back to 1.0.0\n" {
		t.Error(out)
	}
	must(t, state, "plugins", "revoke", "dice")
	if r := carapace(t, state, "plugins", "call", "dice", "roll", "{}"); r.code == 0 {
		t.Errorf("what was taken back is used: %+v", r)
	}
	must(t, state, "plugins", "grant", "dice", "--yes")
	must(t, state, "plugins", "call", "dice", "roll", "{}")
	must(t, state, "plugins", "remove", "dice", "--yes")
	if strings.Contains(plugins(t, state), "dice") {
		t.Error("it is still there")
	}
}

// TestKilledWhileInstalling kills a gateway at some moment of an update, again and again: what runs then is the old version or the
// new one, whole.
func TestKilledWhileInstalling(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	dir, _ := workshop(t, state)
	previous := "1.0.0"
	file, digest := release(t, state, dir, previous)
	must(t, state, "plugins", "install", file, "--yes", "--digest", digest)
	for n := range 5 {
		next := fmt.Sprintf("1.%d.0", n+1)
		file, digest := release(t, state, dir, next)
		cmd := command(t.Context(), t, state, "plugins", "install", file, "--yes", "--digest", digest)
		steps, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(steps)
		for range n { // after so many steps, of which there are four
			lines.Scan()
		}
		g.Kill()
		for lines.Scan() {
		}
		_ = cmd.Wait() // it lost its gateway, or had ended
		g.Start()
		is := ""
		for line := range strings.Lines(plugins(t, state)) {
			if words := strings.Fields(line); words[0] == "dice" {
				is = words[1]
			}
		}
		if is != previous && is != next {
			t.Fatalf("killed after %d steps of the update to %s, it is %q", n, next, is)
		}
		if out := must(t, state, "plugins", "call", "dice", "roll", "{}"); len(out) != 2 {
			t.Errorf("it rolls %q", out)
		}
		previous = is
	}
}

// lay writes files into a folder, and the folders in it that they are in.
func lay(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, at, text)
	}
}

// TestScriptsWithFoldersAndPackages are packed with what they need, and run from an archive as they do from their folder: at once, after
// a restart, from a registry, and unpacked by hand.
func TestScriptsWithFoldersAndPackages(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	dir, public := workshop(t, state)
	folder := filepath.Join(dir, "dice")
	lay(t, folder, map[string]string{
		"plugin.ts":                           `import { text } from "carapace"; import { sum } from "./lib/sum"; import six from "six"; export const toolInvoke = () => text(String(sum(six, 1)));`,
		"lib/sum.ts":                          `import { add } from "./deep/add.js"; export const sum = (a: number, b: number) => add(a, b);`,
		"lib/deep/add.ts":                     `export const add = (a: number, b: number): number => a + b;`,
		"lib/unused.ts":                       `export const nobody = 1;`,
		"package.json":                        `{"dependencies":{"six":"1"},"devDependencies":{"big":"1"}}`,
		"node_modules/six/package.json":       `{"main":"dist","dependencies":{"@by/three":"1"}}`,
		"node_modules/six/dist/index.js":      `module.exports = 2 * require("@by/three");`,
		"node_modules/six/dist/unused.js":     `module.exports = 0;`,
		"node_modules/@by/three/package.json": `{"exports":{".":{"require":"./three.cjs"}}}`,
		"node_modules/@by/three/three.cjs":    `module.exports = 3;`,
		"node_modules/big/package.json":       `{}`,
		"node_modules/big/index.js":           `module.exports = 0;`,
	})
	key := filepath.Join(dir, "ada.key")
	one, digest := release(t, state, dir, "1.0.0", "--key", key)
	data, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	p, err := archive.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"README.md", "lib/deep/add.ts", "lib/sum.ts", "node_modules/@by/three/package.json", "node_modules/@by/three/three.cjs",
		"node_modules/six/dist/index.js", "node_modules/six/package.json", "package.json", "plugin.json", "plugin.ts"}
	if got := slices.Sorted(maps.Keys(p.Files)); !slices.Equal(got, want) {
		t.Errorf("packed are %q", got)
	}
	if _, again := release(t, state, dir, "1.0.0", "--key", key); again != digest {
		t.Errorf("packed again it is %s, and was %s", again, digest)
	}
	rolls := func(want string) {
		t.Helper()
		if out := must(t, state, "plugins", "call", "dice", "roll", "{}"); out != want+"\n" {
			t.Errorf("it rolls %q, want %s", out, want)
		}
	}
	must(t, state, "plugins", "install", one, "--yes", "--digest", digest)
	rolls("7")
	g.Kill()
	g.Start()
	rolls("7")

	write(t, filepath.Join(folder, "node_modules", "@by", "three", "three.cjs"), `module.exports = 4;`)
	two, digest := release(t, state, dir, "1.1.0", "--key", key)
	must(t, state, "plugins", "publish", two, "--to", filepath.Join(dir, "registry"), "--key", key)
	must(t, state, "registries", "add", "ours", filepath.Join(dir, "registry"), "--key", public)
	must(t, state, "plugins", "install", "dice", "--yes", "--digest", digest)
	rolls("9")
	must(t, state, "plugins", "rollback", "dice")
	rolls("7")
	g.Kill()
	g.Start()
	rolls("7")

	if out := must(t, state, "plugins", "test", one); !strings.Contains(out, "✓ tool_invoke answers what is usual\n") || strings.Contains(out, "✗") {
		t.Error(out)
	}
	must(t, state, "plugins", "remove", "dice", "--yes")
	unpacked := map[string]string{}
	for name, text := range p.Files {
		unpacked[name] = string(text)
	}
	lay(t, filepath.Join(state, "plugins", "dice"), unpacked)
	g.Kill()
	g.Start()
	rolls("7")
}

// TestAFolderIsBuiltAndInstalled.
func TestAFolderIsBuiltAndInstalled(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	folder := filepath.Join(dir, "dice-go")
	must(t, state, "plugins", "new", folder, "--lang", "go", "--kind", "tool")
	if out := must(t, state, "plugins", "build", folder); out != filepath.Join(folder, "plugin.wasm")+"\n" {
		t.Errorf("build says %q", out)
	}
	lines := strings.Fields(must(t, state, "plugins", "pack", folder, "--out", filepath.Join(dir, "x.carapace")))
	must(t, state, "plugins", "install", folder, "--yes", "--digest", lines[1]) // what is built again is the same
	if out := must(t, state, "plugins", "call", "dice-go", "roll", "{}"); len(out) != 2 {
		t.Errorf("it rolls %q", out)
	}
}

// TestBackToWhatDoesNotRun: that it does not is said, and what to do.
func TestBackToWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	d := plugin.Details{
		Status:   plugin.Status{ID: "weather", Version: "1.0.0", State: plugin.StateReady, Update: &plugin.Update{Version: "1.1.0", Reason: "withdrawn: it leaks", Hint: "insist"}},
		Versions: []plugin.Installed{{Version: "1.1.0", Wanted: true}, {Version: "1.0.0"}},
	}
	var out strings.Builder
	const want = "weather goes back to 1.1.0, but that does not run: withdrawn: it leaks: insist"
	if err := printBack(&out, d); err == nil || err.Error() != want || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
	d.Update.Version = "1.2.0" // which waited before
	if err := printBack(&out, d); err != nil || out.String() != "back to 1.1.0\n" {
		t.Errorf("%v, %q", err, &out)
	}
}

// TestTheVersionThatRunsIsMarked, and of one that should run and does not it is said why.
func TestTheVersionThatRunsIsMarked(t *testing.T) {
	t.Parallel()
	kept := []plugin.Installed{{Version: "1.1.0", Digest: "sha256:b", Wanted: true}, {Version: "1.0.0", Digest: "sha256:a"}}
	refused := &plugin.Update{Version: "1.1.0", Reason: "withdrawn: it leaks", Hint: "insist"}
	for name, c := range map[string]struct {
		d    plugin.Details
		want []string
	}{
		"it runs":     {plugin.Details{Digest: "sha256:b"}, []string{"* 1.1.0", "  1.0.0"}},
		"it waits":    {plugin.Details{Digest: "sha256:a", Waiting: &plugin.Waiting{Digest: "sha256:b"}, Status: plugin.Status{Update: refused}}, []string{"  1.1.0", "    should run, and waits for a grant", "* 1.0.0"}},
		"it fails":    {plugin.Details{Digest: "sha256:a", Status: plugin.Status{Update: refused}}, []string{"  1.1.0", "    should run, and does not: withdrawn: it leaks: insist", "* 1.0.0"}},
		"none runs":   {plugin.Details{Status: plugin.Status{State: plugin.StateFailed, Reason: "it leaks"}}, []string{"  1.1.0", "    should run, and does not: it leaks", "  1.0.0"}},
		"by hand":     {plugin.Details{Status: plugin.Status{Origin: plugin.OriginFolder, Path: "/p/x"}}, []string{"  1.1.0", "    should run, and /p/x runs in its place", "  1.0.0"}},
		"in a moment": {plugin.Details{Digest: "sha256:a"}, []string{"  1.1.0", "    should run, and is being made ready", "* 1.0.0"}},
	} {
		c.d.Versions = kept
		var out strings.Builder
		if err := printPlugin(&out, c.d); err != nil {
			t.Fatal(err)
		}
		_, shown, _ := strings.Cut(out.String(), "versions\n")
		shown, _, _ = strings.Cut(shown, "\n\n")
		var lines []string
		for line := range strings.Lines(shown) {
			line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), " sha256:")
			lines = append(lines, line)
		}
		if !slices.Equal(lines, c.want) {
			t.Errorf("%s: %q, want %q", name, lines, c.want)
		}
	}
}

// TestStatusOfWhatFailed says where the reason is to be read.
func TestStatusOfWhatFailed(t *testing.T) {
	t.Parallel()
	for want, plugins := range map[string]map[string]int{
		"plugins   3 can be used, 0 failed, 1 off\n":                              {"ready": 3, "disabled": 1},
		"plugins   3 can be used, 1 failed (`carapace doctor` says why), 0 off\n": {"ready": 2, "verified": 1, "failed": 1},
	} {
		var out strings.Builder
		if err := printStatus(&out, system.Status{Plugins: plugins}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v: %s, want %s", err, &out, want)
		}
	}
}

// TestStatusOfWhatWasPutThereByHand tells what runs from what does not.
func TestStatusOfWhatWasPutThereByHand(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	const want = "by hand   dice: whoever could write to the plugins' folders granted what they ask for\n" +
		"by hand   broken, odd: in the plugins' folders, and not running (`carapace doctor` says why)\n"
	if err := printStatus(&out, system.Status{ByHand: []string{"dice"}, ByHandFailed: []string{"broken", "odd"}}); err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("%v: %s, want %s", err, &out, want)
	}
}

// TestAPackageIsNamedOnce, however it was asked for.
func TestAPackageIsNamedOnce(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]depot.Origin{
		"home/weather": {Name: "home/weather", Registry: "home"},
		"work/weather": {Name: "weather", Registry: "work"},
		"":             {},
	} {
		if got := packageName(o); got != want {
			t.Errorf("%+v: %q", o, got)
		}
	}
}
