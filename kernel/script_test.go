package kernel_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// greeter is a tool in TypeScript, of two files.
var greeter = map[string]string{
	"plugin.json": `{"id":"greeter","name":"Greeter","version":"1.0.0","description":"Greets.","abi":1,"entry":"plugin.ts",
		"provides":{"tools":[{"name":"greet","description":"Greets somebody.","parameters":{"type":"object"}}]},"permissions":{"kv":{"reason":"to count"}}}`,
	"plugin.ts": `import { kv, emit, text } from "carapace";
import { greeting } from "./greeting";

export async function toolInvoke(call: { args: { name: string; emit?: boolean } }) {
  const count = Number(kv.get("count") ?? 0) + 1;
  kv.put("count", String(count));
  if (call.args.emit) emit("greeted", { count });
  return text(await greeting(call.args.name, count));
}
`,
	"greeting.ts": `// A greeting, which nobody without a name gets.
export const greeting = async (name: string, count: number): Promise<string> => {
  await new Promise((done) => setTimeout(done, 1));
  if (!name) throw new TypeError("nobody is greeted");
  return "Hello " + name + ", number " + count;
};
`,
}

// write puts files into a plugin's folder, each at once.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		to, next := filepath.Join(dir, filepath.FromSlash(name)), filepath.Join(t.TempDir(), "next")
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, to); err != nil {
			t.Fatal(err)
		}
	}
}

// greeting is what the plugin greeter says.
func (l *teller) greeting(args string) (string, error) {
	var out wit.ToolOutput
	err := l.Call(context.Background(), "plugins.call", plugin.CallParams{ID: "greeter", Tool: "greet", Args: []byte(args)}, &out)
	if err != nil || len(out.Content) == 0 || out.Content[0].Text == nil {
		return "", err
	}
	return *out.Content[0].Text, nil
}

// TestAScriptsLife drops a plugin in TypeScript into the folder of a running gateway, changes a file of it that is not the
// entry, breaks it, restarts the gateway meanwhile, and mends it.
func TestAScriptsLife(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", "greeter")
	start := func() (*kerneltest.Kernel, *teller) {
		k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript(), kerneltest.Plugin(kerneltest.Echo("echo")))
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
	write(t, folder, greeter)
	l.changed(&seen, plugin.Changed{ID: "greeter", State: plugin.StateReady})
	says("Hello Ada, number 1")

	if _, err := call(`{}`); err == nil {
		t.Error("what it throws is no error")
	}
	var info plugin.Status
	l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &info)
	if c := info.Crash; c == nil || c.Message != "nobody is greeted" || !strings.Contains(c.Trace, "TypeError: nobody is greeted\n    at greeting (greeting.ts:4:") {
		t.Errorf("its crash is %+v", c)
	}
	if _, err := call(`{"name":"x","emit":true}`); err == nil || !strings.Contains(err.Error(), "emit is not granted") {
		t.Errorf("what it may not do: %v", err)
	}

	write(t, folder, map[string]string{"greeting.ts": strings.Replace(greeter["greeting.ts"], "Hello", "Hallo", 1)})
	l.Until("the change is live", func([]client.Event) bool {
		got, err := call(`{"name":"Bo"}`)
		return err == nil && strings.HasPrefix(got, "Hallo Bo")
	})

	write(t, folder, map[string]string{"greeting.ts": "export const greeting = ;\n"})
	broken := func() *plugin.Status {
		var s plugin.Status
		l.MustCall("plugins.info", map[string]any{"id": "greeter"}, &s)
		return &s
	}
	l.Until("the broken one is refused", func([]client.Event) bool { return broken().Update != nil })
	if u := broken().Update; !strings.Contains(u.Reason, `greeting.ts:1:25: Unexpected ";"`) {
		t.Errorf("refused for %q", u.Reason)
	}
	if got, err := call(`{"name":"Cy"}`); !strings.HasPrefix(got, "Hallo Cy") {
		t.Errorf("the last build that worked says %q, %v", got, err)
	}
	k.Stop()

	k, l = start()
	if got, err := call(`{"name":"Di"}`); !strings.HasPrefix(got, "Hallo Di") {
		t.Errorf("after a restart the last build that worked says %q, %v", got, err)
	}
	write(t, folder, map[string]string{"greeting.ts": strings.Replace(greeter["greeting.ts"], "Hello", "Salut", 1)})
	l.Until("the mended one is live", func([]client.Event) bool {
		got, err := call(`{"name":"Ed"}`)
		return err == nil && strings.HasPrefix(got, "Salut Ed")
	})
	k.Stop()
}

// TestAScriptAndItsManifest: what the script does not export, and a gateway without the interpreter, are said.
func TestAScriptAndItsManifest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		on    []kerneltest.Option
		want  string
	}{
		"no such export": {map[string]string{"plugin.ts": "export const toolInvok = 1;"}, []kerneltest.Option{kerneltest.JavaScript()}, "the manifest provides what the code does not export: tool_invoke"},
		"another export": {map[string]string{"plugin.ts": greeter["plugin.ts"] + "export function hookHandle() {}"}, []kerneltest.Option{kerneltest.JavaScript()},
			"the code exports what the manifest does not provide: hook_handle"},
		"no such file":   {map[string]string{"plugin.ts": "", "greeting.ts": ""}, []kerneltest.Option{kerneltest.JavaScript()}, "does not export: tool_invoke"},
		"no interpreter": {nil, nil, "built without the JavaScript interpreter"},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			folder := filepath.Join(state, "plugins", "greeter")
			write(t, folder, greeter)
			write(t, folder, c.files)
			k := kerneltest.Start(t, append(c.on, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))...)
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
				t.Errorf("failed for %q, want %q", s.Reason, c.want)
			}
			k.Stop()
		})
	}
}
