package kernel_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAScriptWithPackages has a folder of its own files and a package of npm's, a change in either of them is live at once,
// and what goes wrong is told with its position there, also where nobody waits for it.
func TestAScriptWithPackages(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", "greeter")
	put := func(name, text string) {
		t.Helper()
		at := filepath.Join(folder, filepath.FromSlash(name))
		next := filepath.Join(t.TempDir(), "next")
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(next, []byte(text), 0o600), os.Rename(next, at)); err != nil {
			t.Fatal(err)
		}
	}
	put("package.json", `{"dependencies":{"polite":"^1.0.0"}}`)
	put("node_modules/polite/package.json", `{"name":"polite","version":"1.0.0","exports":{"import":"./polite.mjs"}}`)
	put("node_modules/polite/polite.mjs", "export const polite = (text) => text + ', please';\n")
	put("lib/words.ts", `import { polite } from "polite";
export const words = (name: string): string => polite("Come in, " + name);
export async function lost(): Promise<void> {
  throw new RangeError("nobody waits for this");
}
`)
	put("plugin.ts", `import { text, type ToolInvocation } from "carapace";
import { lost, words } from "./lib/words";
export function toolInvoke({ args }: ToolInvocation) {
  if (args.lost) lost();
  return text(words(args.name));
}
`)
	put("plugin.json", greeter["plugin.json"])
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript(), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := &teller{Listener: k.Listen()}
	call := func(args string) (string, error) { return l.greeting(args) }
	becomes := func(want string) {
		t.Helper()
		l.Until("it says "+want, func([]kerneltest.Event) bool {
			got, err := call(`{"name":"Ada"}`)
			return err == nil && got == want
		})
	}
	becomes("Come in, Ada, please")
	if _, err := call(`{"lost":true,"name":"Ada"}`); wit.CodeOf(err) != wit.CodeInternal {
		t.Errorf("a rejection that nobody handles: %v", err)
	}
	if !slices.ContainsFunc(k.Logged(), func(line string) bool {
		return strings.Contains(line, "nobody waits for this") && strings.Contains(line, "lib/words.ts:4:13")
	}) {
		t.Errorf("the log does not say where it was thrown: %q", k.Logged())
	}
	becomes("Come in, Ada, please")

	seen := 0
	put("lib/words.ts", `import { polite } from "polite";
export const words = (name: string): string => polite("Sit down, " + name);
export const lost = () => {};
`)
	l.changed(&seen, plugin.Changed{ID: "greeter", State: plugin.StateReady})
	becomes("Sit down, Ada, please")
	put("lib/words.ts", `import { rude } from "rude"; export const words = rude; export const lost = rude;`)
	if c := l.changed(&seen, plugin.Changed{ID: "greeter", State: plugin.StateFailed}); !strings.Contains(c.Reason, "lib/words.ts:1:22: there is no package rude beside this plugin") {
		t.Errorf("a package that is not there: %q", c.Reason)
	}
	becomes("Sit down, Ada, please")
}
