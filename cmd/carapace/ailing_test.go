package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatAilsAPlugin: whatever keeps plugins from running, the gateway starts, and the doctor says of each what that is and what
// to do, until a version of it works.
func TestWhatAilsAPlugin(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	put := func(id, entry, code string) {
		t.Helper()
		folder := filepath.Join(state, "plugins", id)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if code != "" {
			write(t, filepath.Join(folder, entry), code)
		}
		write(t, filepath.Join(folder, "plugin.json"), fmt.Sprintf(`{"id":%[1]q,"name":"x","version":"1.0.0","description":"x","abi":1,"entry":%[2]q,
			"provides":{"tools":[{"name":%[1]q,"description":"x","parameters":{"type":"object"}}]}}`, id, entry))
	}
	const good = `export function toolInvoke() { return {content: [{kind: "text", text: "well"}]}; }`
	put("absent", "plugin.wasm", "")
	put("broken", "plugin.wasm", "garbage")
	put("syntax", "plugin.ts", "export function toolInvoke( {")
	put("lacking", "plugin.js", "export function other() {}")
	put("starts", "plugin.js", `throw new Error("at start"); `+good)
	put("throws", "plugin.js", `export function toolInvoke() { throw new Error("boom"); }`)
	put("asks", "plugin.js", `import {kv} from "carapace"; export function toolInvoke() { kv.get("a"); }`)
	put("unread", "plugin.js", good)
	write(t, filepath.Join(state, "plugins", "unread", "plugin.json"), `{"id":`)
	serve(t, state)
	for id, says := range map[string]string{
		"absent": "there is no plugin.wasm", "broken": "not a wasm module", "syntax": "plugin.ts:1:", "lacking": "does not export: tool_invoke",
		"starts": "at start", "throws": "boom", "asks": `add "kv": {"reason": "…"} to the permissions`, "unread": "the text ends",
	} {
		if r := carapace(t, state, "plugins", "call", id, id, "{}"); r.code != exitFailed || !strings.Contains(r.err, says) {
			t.Errorf("%s: %+v, want %q", id, r, says)
		}
	}
	lines := strings.Split(carapace(t, state, "doctor").out, "\n")
	for id, says := range map[string]string{
		"absent": "✗ there is no plugin.wasm", "broken": "✗ not a wasm module", "syntax": "✗ plugin.ts:1:", "lacking": "✗ does not export: tool_invoke",
		"starts": "! a call crashed", "throws": "! a call crashed", "unread": "✗ the text ends",
	} {
		mark, text, _ := strings.Cut(says, " ")
		if !explained(lines, mark+" plugin "+id+" ", text) {
			t.Errorf("%s is not explained in\n%s", id, strings.Join(lines, "\n"))
		}
	}
	for _, id := range []string{"lacking", "throws"} {
		put(id, "plugin.js", good)
		await(t, id+" to work", func() bool { return carapace(t, state, "plugins", "call", id, id, "{}").code == 0 })
		if out := carapace(t, state, "doctor").out; strings.Contains(out, "plugin "+id) {
			t.Errorf("%s works, and it says\n%s", id, out)
		}
	}
}

// explained reports whether one of the lines begins and goes on so, with one below it that says what to do.
func explained(lines []string, begins, says string) bool {
	for n, line := range lines {
		if strings.HasPrefix(line, begins) && strings.Contains(line, says) {
			return n+1 < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[n+1]), "→ ")
		}
	}
	return false
}
