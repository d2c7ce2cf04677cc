package kernel_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
)

// pythonGreeter is a plugin in Python, of two files in folders.
var pythonGreeter = map[string]string{
	"plugin.json": `{"id":"greeter","name":"Greeter","version":"1.0.0","description":"Greets.","abi":1,"entry":"plugin.py",
		"provides":{"tools":[{"name":"greet","description":"Greets.","parameters":{"type":"object","properties":{"name":{"type":"string"},"emit":{"type":"boolean"}}}}]},
		"permissions":{"kv":{"reason":"To count."}}}`,
	"plugin.py": `
import carapace
from carapace import kv, text
from words.hello import greeting

def tool_invoke(call):
    if call.args.get("emit"):
        carapace.emit("greeted", {})
    count = int(kv.get("count") or 0) + 1
    kv.put("count", str(count))
    print("greets", call.args.get("name"))
    return text(greeting(call.args.get("name"), count))
`,
	"words/hello.py": "\ufeff" + `
def greeting(name, count):
    if not name:
        raise TypeError("nobody is greeted")
    return f"Hello {name}, number {count}"
`,
}

// TestAPythonPluginsLife drops a plugin in Python into the folder of a running gateway that has no Python, installs that,
// changes a file of it that is not the entry, breaks it, restarts the gateway meanwhile, and mends it.
func TestAPythonPluginsLife(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", "greeter")
	store := interpreter.Store{Dir: filepath.Join(state, "runtimes")}
	on := kerneltest.PythonEngine()
	installed := on.Interpreter
	on.Interpreter = func() (engine.Source, error) {
		if _, err := store.Find(interpreter.Python()); err != nil {
			return engine.Source{}, err
		}
		return installed()
	}
	start := func() (*kerneltest.Kernel, *teller) {
		k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), func(o *kernel.Options) { o.Python = on }, kerneltest.Plugin(kerneltest.Echo("echo")))
		return k, &teller{Listener: k.Listen()}
	}
	k, l := start()
	call := func(args string) (string, error) { return l.greeting(args) }
	says := func(want string) {
		t.Helper()
		if got, err := call(`{"name":"Ada"}`); got != want || err != nil {
			t.Errorf("it says %q, %v", got, err)
		}
	}
	seen := 0
	write(t, folder, pythonGreeter)
	l.changed(&seen, plugin.Changed{ID: "greeter", State: plugin.StateFailed})
	var info plugin.Status
	l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &info)
	if reason := info.Reason; !strings.Contains(reason, "python is not installed: run `carapace runtimes install python`") {
		t.Errorf("it failed because of %q", reason)
	}
	if err := store.Install(interpreter.Python(), kerneltest.PythonModule(t)); err != nil {
		t.Fatal(err)
	}
	l.changed(&seen, plugin.Changed{ID: "greeter", State: plugin.StateReady})
	says("Hello Ada, number 1")

	if _, err := call(`{}`); err == nil {
		t.Error("what it raises is no error")
	}
	l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &info)
	if c := info.Crash; c == nil || c.Message != "TypeError: nobody is greeted" || !strings.Contains(c.Trace, `File "words/hello.py", line 4, in greeting`) || strings.Contains(c.Trace, "carapace/") {
		t.Errorf("its crash is %+v", c)
	}
	if _, err := call(`{"name":"x","emit":true}`); err == nil || !strings.Contains(err.Error(), "emit is not granted") {
		t.Errorf("what it may not do: %v", err)
	}

	becomes := func(what, name, want string) {
		t.Helper()
		l.Until(what, func([]client.Event) bool {
			got, err := call(`{"name":"` + name + `"}`)
			return err == nil && strings.HasPrefix(got, want+" "+name)
		})
	}
	hello := pythonGreeter["words/hello.py"]
	write(t, folder, map[string]string{"words/hello.py": strings.Replace(hello, "Hello", "Hallo", 1)})
	becomes("the change is live", "Bo", "Hallo")

	write(t, folder, map[string]string{"words/hello.py": "def greeting(:\n"})
	l.Until("the broken one is refused", func([]client.Event) bool {
		l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &info)
		return info.Update != nil
	})
	if u := info.Update; !strings.Contains(u.Reason, "SyntaxError: invalid syntax (words/hello.py, line 1)") {
		t.Errorf("refused for %q", u.Reason)
	}
	saysStill := func(name string) {
		t.Helper()
		if got, err := call(`{"name":"` + name + `"}`); !strings.HasPrefix(got, "Hallo "+name) {
			t.Errorf("the last build that worked says %q, %v", got, err)
		}
	}
	saysStill("Cy")
	k.Stop()

	k, l = start()
	saysStill("Di")
	write(t, folder, map[string]string{"words/hello.py": strings.Replace(hello, "Hello", "Salut", 1)})
	becomes("the mended one is live", "Ed", "Salut")
	k.Stop()
}

// TestAPythonPluginAndItsManifest: what a module does not define is said before it runs.
func TestAPythonPluginAndItsManifest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"no such function": {"def tool_invok(call): pass", "the manifest provides what the code does not export: tool_invoke"},
		"another function": {pythonGreeter["plugin.py"] + "\nfrom words.hello import (\n  greeting as hook_handle,\n)\n", "the code exports what the manifest does not provide: hook_handle"},
		"only in a text":   {"\"\"\"\ndef tool_invoke(call): pass\n\"\"\"", "does not export: tool_invoke"},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			folder := filepath.Join(state, "plugins", "greeter")
			write(t, folder, pythonGreeter)
			write(t, folder, map[string]string{"plugin.py": c.file})
			k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Python(), kerneltest.Plugin(kerneltest.Echo("echo")))
			l := k.Listen()
			if err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "greeter", Tool: "greet", Args: []byte(`{}`)}, nil); err == nil {
				t.Error("it can be called")
			}
			var s plugin.Status
			l.Until("the plugin has failed", func([]client.Event) bool {
				l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &s)
				return s.State == plugin.StateFailed
			})
			if !strings.Contains(s.Reason, c.want) {
				t.Errorf("it failed for %q", s.Reason)
			}
		})
	}
}
