package plugin_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// text is a file that the test's engine runs.
func text(answer string, more ...string) string {
	return "exports: tool_invoke hook_handle\nanswer: " + answer + "\n" + strings.Join(more, "") + "end\n"
}

func bundled(m *wit.Manifest) { m.Entry = "bundle.wasm#" + m.ID }

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// drop puts a plugin into a folder, the manifest last or first.
func drop(t *testing.T, dir string, m wit.Manifest, code string) {
	t.Helper()
	write(t, filepath.Join(dir, m.ID, strings.SplitN(m.Entry, "#", 2)[0]), code)
	write(t, filepath.Join(dir, m.ID, "plugin.json"), string(wit.Marshal(&m)))
}

// alone is a tool that is not in a bundle.
func alone(answer string) string {
	return strings.Replace(text(answer), " hook_handle", "", 1)
}

func TestStockBundle(t *testing.T) {
	a, b := manifest("a", "1.0.0", bundled), manifest("b", "1.0.0", bundled)
	files := fstest.MapFS{
		"bundle.wasm":   {Data: []byte(text("bundle"))},
		"a/plugin.json": {Data: wit.Marshal(&a)},
		"b/plugin.json": {Data: wit.Marshal(&b)},
	}
	dir := filepath.Join(t.TempDir(), "state", "plugins") // does not exist yet
	r := newRig(t, store.OpenMemory(), source.Stock(files), source.Folder(dir)).start()
	if loads, _, _ := r.engine.counts(); loads != 0 {
		t.Errorf("%d files of code were looked at before anything needed them", loads)
	}
	for _, s := range r.List() {
		if s.State != plugin.StateInstalled || !s.Stock {
			t.Errorf("%+v", s)
		}
	}
	r.says("a_tool", "bundle as a")
	r.says("b_tool", "bundle as b")
	if _, compiles, _ := r.engine.counts(); compiles != 0 {
		t.Errorf("%d compiled though nobody asked", compiles)
	}
	if err := r.Warm(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	r.wait("a 1.0.0 ready")
	d, _ := r.Info("a")
	if d.State != plugin.StateReady || len(d.Hash) != 64 || d.GrantedBy != "stock" {
		t.Errorf("%+v", d)
	}

	drop(t, dir, manifest("a", "2.0.0"), alone("mine"))
	r.wait("a 2.0.0 ready")
	r.says("a_tool", "mine as a")
	r.says("b_tool", "bundle as b")
	if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	r.wait("a 1.0.0 ready")
	r.says("a_tool", "bundle as a")
	r.stop()
	if _, _, held := r.engine.counts(); held != 0 {
		t.Errorf("%d files of code are still held", held)
	}
}

// TestAPluginThatIsBeingCompiledIsKnown: whoever asks for what was just put there hears that it is coming, whichever of several
// is read first.
func TestAPluginThatIsBeingCompiledIsKnown(t *testing.T) {
	t.Parallel()
	dir, ready := filepath.Join(t.TempDir(), "plugins"), t.TempDir()
	r := newRig(t, store.OpenMemory(), source.Folder(dir)).start()
	table, err := rpc.NewTable(r.Methods()...)
	if err != nil {
		t.Fatal(err)
	}
	call := func(id string) error {
		caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
		_, err := table.Call(context.Background(), caller, "plugins.call", []byte(`{"id":"`+id+`","tool":"`+id+`_tool"}`), nil)
		return err
	}
	wantCode(t, call("p"), wit.CodeNotFound)
	drop(t, ready, manifest("p", "1.0.0"), strings.Replace(text("one", "held: yes\n"), " hook_handle", "", 1))
	drop(t, ready, manifest("q", "1.0.0"), strings.Replace(text("two", "held: yes\n"), " tool_invoke hook_handle", " other", 1))
	if err := os.Rename(ready, dir); err != nil { // both at once
		t.Fatal(err)
	}
	for begin := time.Now(); len(r.List()) < 2; {
		if time.Sleep(time.Millisecond); time.Since(begin) > patience {
			t.Fatalf("%+v", r.List())
		}
	}
	for _, id := range []string{"p", "q"} {
		d, err := r.Info(id)
		if err != nil || d.State != plugin.StateInstalled || d.Reason != "its code is being read and compiled" || d.Version != "1.0.0" || len(d.Provides.Tools) != 1 {
			t.Errorf("%+v %v", d, err)
		}
		for _, err := range []error{call(id), r.Warm(context.Background(), id)} {
			e := wit.AsError(err)
			if e == nil || e.Code != wit.CodeUnavailable || e.RetryAfter == nil || e.Message != "plugin "+id+" is being compiled: ask again in a moment; `carapace plugins info "+id+"` shows how it is" {
				t.Errorf("%+v", e)
			}
		}
		if err := r.CheckConfig(id, "", nil); err != nil {
			t.Error(err)
		}
	}
	close(r.engine.reading)
	r.wait("p 1.0.0 ready")
	r.wait("q - failed")
	if err := call("p"); err != nil {
		t.Error(err)
	}
	if err := call("q"); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "does not run") {
		t.Error(err)
	}
}

func TestFolderIsWatched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, store.OpenMemory(), source.Folder(dir)).start()
	drop(t, dir, manifest("p", "1.0.0"), alone("one"))
	r.wait("p 1.0.0 ready")
	r.says("p_tool", "one as p")

	// A new file of code under the same version is an upgrade too.
	write(t, filepath.Join(dir, "p", "plugin.wasm"), alone("one, again"))
	if c := r.wait("p 1.0.0 ready"); c.PreviousVersion != "1.0.0" {
		t.Errorf("%+v", c)
	}
	r.says("p_tool", "one, again as p")

	// Broken manifests and code are reported and change nothing.
	for name, broken := range map[string]string{"plugin.json": `{"id":"p"`, "plugin.wasm": "exports: tool_invoke\nuncompilable: yes\nend\n"} {
		path := filepath.Join(dir, "p", name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, broken)
		if c := r.wait("p - failed"); c.Reason == "" {
			t.Errorf("%+v", c)
		}
		r.says("p_tool", "one, again as p")
		write(t, path, string(good))
		deadline := time.Now().Add(patience)
		for d, _ := r.Info("p"); d.Update != nil; d, _ = r.Info("p") {
			if time.Now().After(deadline) {
				t.Fatalf("%+v", d.Update)
			}
		}
	}

	write(t, filepath.Join(dir, "empty", "README"), "no manifest")
	if c := r.wait("empty - failed"); !strings.Contains(c.Reason, "no plugin.json") {
		t.Errorf("%+v", c)
	}
	drop(t, dir, manifest("nocode", "1.0.0"), alone("x"))
	r.wait("nocode 1.0.0 ready")
	if err := os.Remove(filepath.Join(dir, "nocode", "plugin.wasm")); err != nil {
		t.Fatal(err)
	}
	if c := r.wait("nocode - failed"); !strings.Contains(c.Reason, "there is no plugin.wasm") {
		t.Errorf("%+v", c)
	}
	r.says("nocode_tool", "x as nocode") // what was loaded goes on
	wrong := manifest("other", "1.0.0")
	write(t, filepath.Join(dir, "named", "plugin.json"), string(wit.Marshal(&wrong)))
	if c := r.wait("named - failed"); !strings.Contains(c.Reason, `"other" is not the folder's name "named"`) {
		t.Errorf("%+v", c)
	}
	r.says("p_tool", "one, again as p")
}

// TestHalfCopied writes code in pieces: the registry waits for the rest instead of failing the plugin.
func TestHalfCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, store.OpenMemory(), source.Folder(dir)).start()
	m := manifest("p", "1.0.0")
	whole := alone(strings.Repeat("long ", 100))
	write(t, filepath.Join(dir, "p", "plugin.json"), string(wit.Marshal(&m)))
	for n := 0; n < len(whole); n += 100 {
		write(t, filepath.Join(dir, "p", "plugin.wasm"), whole[:min(n+100, len(whole))])
		<-time.After(200 * time.Millisecond)
	}
	timeout := time.After(patience)
	for {
		select {
		case c := <-r.events:
			if c.State == plugin.StateFailed {
				t.Fatalf("%+v", c)
			}
			if c.State == plugin.StateReady {
				return
			}
		case <-timeout:
			t.Fatalf("not ready\n%s", r.log)
		}
	}
}

func TestAPathMayBeAPlugin(t *testing.T) {
	dir := t.TempDir()
	drop(t, dir, manifest("p", "1.0.0"), alone("one"))
	r := newRig(t, store.OpenMemory(), source.Folder(filepath.Join(dir, "p"))).start()
	r.says("p_tool", "one as p")
	drop(t, dir, manifest("p", "1.0.1"), alone("two"))
	r.wait("p 1.0.1 ready")
	r.says("p_tool", "two as p")
}

func TestVerifiedInTheBackground(t *testing.T) {
	dir := t.TempDir()
	drop(t, dir, manifest("bad", "1.0.0"), "exports: nothing\nend\n")
	r := newRig(t, store.OpenMemory(), source.Folder(dir)).start()
	r.wait("bad 1.0.0 failed") // nobody called it
	d, _ := r.Info("bad")
	if d.State != plugin.StateFailed || d.Hint == "" {
		t.Errorf("%+v", d)
	}
}

func TestFoldersThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".hidden", "plugin.json"), "{}")
	write(t, filepath.Join(dir, "file"), "x")
	if err := os.Mkdir(filepath.Join(dir, "nothing-yet"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, store.OpenMemory(), source.Folder(dir), source.Folder(filepath.Join(dir, "absent")))
	if err := r.Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list := r.List(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
