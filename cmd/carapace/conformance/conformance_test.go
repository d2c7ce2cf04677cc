package conformance_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance/conformancetest"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
)

// plugin is a plugin in a file of JavaScript.
type plugin struct {
	provides, more, code string
	transcript           string
}

const (
	shout   = `"tools": [{"name": "shout", "description": "d", "parameters": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 5000}, "mood": {"type": "string"}}, "required": ["text"]}}]`
	mirror  = `"channel": {"label": "Mirror"}`
	watcher = `"hooks": [{"name": "message_received"}]`
	oracle  = `"provider": {"label": "Oracle", "defaultModel": "m"}`
	web     = `, "permissions": {"http": {"reason": "r", "hosts": ["example.org"]}}`
	records = `, "permissions": {"kv": {"reason": "r"}}`
)

// good are the parts that the broken ones are made of, which pass.
const (
	goodTool = `export const toolInvoke = ({ args }) => ({ content: [{ kind: "text", text: args.text.toUpperCase() }] });`
	goodSend = `export const channelSend = () => ({ ids: ["1"] });`
	asks     = `import { http } from "carapace";
export function toolInvoke({ args }) { const r = http.request({ url: "https://example.org/" }); return { content: [{ kind: "text", text: String(r.status) }] }; }`
)

func (p plugin) subject(t *testing.T) conformance.Subject {
	t.Helper()
	dir := t.TempDir()
	if p.transcript != "" {
		if err := os.Mkdir(filepath.Join(dir, "testdata"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "testdata", "said.jsonl"), []byte(p.transcript+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	manifest := `{"id": "p", "name": "P", "version": "1.0.0", "description": "d", "abi": 1, "entry": "plugin.js", "limits": {"deadline": 3000}, "provides": {` + p.provides + `}` + p.more + `}`
	code, err := script.Source{Entry: "plugin.js", Files: map[string]string{"plugin.js": p.code}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Subject{Manifest: []byte(manifest), Folder: dir, Code: func(string) ([]byte, error) { return code, nil }}
}

// TestConformanceOfBroken: each planted fault is found by the check that is for it.
func TestConformanceOfBroken(t *testing.T) {
	t.Parallel()
	run := conformancetest.Engine(t)
	answer := func(body string) string { return `export function toolInvoke({ args, config }) { ` + body + ` }` }
	event := func(body string) string { return goodSend + `export function channelEvent(e) { ` + body + ` }` }
	said := `{"call":"tool_invoke","input":{"name":"shout","args":{"text":"a"}},"output":{"content":[{"kind":"text","text":"B"}]}}`
	update := `{"call":"channel_event","input":{"kind":"response","account":"a","response":{"id":"poll","status":200,"text":"hi"}}}`
	for name, c := range map[string]struct {
		plugin
		check, found string // of the check that does not pass, and what it finds
	}{
		"a manifest that is wrong":           {plugin{provides: shout, more: `, "nane": 1`, code: goodTool}, "the manifest is valid", "nane"},
		"an export that is missing":          {plugin{provides: mirror, code: `export const channelEvent = () => ({});`}, "the code is what the manifest says", "channel_send"},
		"an export that nobody claims":       {plugin{provides: shout, code: goodTool + goodSend}, "the code is what the manifest says", "channel_send"},
		"code that is none":                  {plugin{provides: shout, code: `export function {`}, "the code can be read", "plugin.js:1"},
		"a start that fails":                 {plugin{provides: shout, code: `throw new Error("no start");` + goodTool}, "an instance starts", "no start"},
		"what is left out":                   {plugin{provides: shout, code: answer(`return { content: [{ kind: "text", text: args.text + args.mood.length }] };`)}, "answers as little as may be", "it crashes"},
		"a permission that is missing":       {plugin{provides: shout, code: `import { kv } from "carapace"; ` + answer(`kv.get("a"); return {};`)}, "answers what is usual", `add "kv": {"reason": "…"} to the permissions`},
		"a place in the sources":             {plugin{provides: shout, code: "\n\n" + answer(`throw new Error("boom");`)}, "answers what is usual", "boom (at toolInvoke (plugin.js:3:"},
		"no end with long texts":             {plugin{provides: shout, code: answer(`while (args.text.length > 1000); return {};`)}, "answers at the bounds", "did not answer within 3s (at toolInvoke (plugin.js:1:"},
		"too much of an answer":              {plugin{provides: shout, code: answer(`return { content: Array(args.text.length).fill({ kind: "text", text: "x" }) };`)}, "answers at the bounds", "content"},
		"letters that it does not know":      {plugin{provides: shout, code: answer(`if (/\0|\ufffd|\ud800/.test(args.text)) throw new Error("odd"); return {};`)}, "answers letters of all kinds", "odd"},
		"fields that it does not know":       {plugin{provides: mirror, code: event(`if (e.fieldOfTheFuture) throw new Error("what is that"); return {};`)}, "answers fields of the future", "what is that"},
		"a value that is none of the list":   {plugin{provides: shout, code: answer(`return { content: [{ kind: "poem", text: "x" }] };`)}, "answers what is usual", "kind"},
		"an answer of another form":          {plugin{provides: shout, code: answer(`return "done";`)}, "answers what is usual", "not a record"},
		"a field of its own":                 {plugin{provides: shout, code: answer(`return { contents: [] };`)}, "answers what is usual", "contents"},
		"an error that says nothing":         {plugin{provides: shout, code: `import { PluginError } from "carapace"; ` + answer(`throw new PluginError("unavailable", "");`)}, "answers what is usual", "no message"},
		"one kind of event":                  {plugin{provides: mirror, code: event(`if (e.kind === "webhook") return { state: e.webhook.body.length }; return {};`)}, "answers what is usual", "webhook: it crashes"},
		"a hook that does more than it may":  {plugin{provides: watcher, code: `export const hookHandle = () => ({ cancel: true });`}, "answers what is usual", "cancels"},
		"a hook that modifies what it reads": {plugin{provides: watcher, code: `export const hookHandle = () => ({ modify: { text: "x" } });`}, "answers what is usual", "modifies text"},
		"a request in an event":              {plugin{provides: mirror, more: web, code: `import { http } from "carapace"; ` + event(`try { http.request({ url: "https://example.org/" }); } catch {} return {};`)}, "answers what is usual", "refused to what is pure"},
		"a request of a provider":            {plugin{provides: oracle, more: web, code: `import { http } from "carapace"; export const providerChunk = () => ({}); export function providerRequest() { try { http.request({ url: "https://example.org/" }); } catch {} return { answer: {} }; }`}, "answers what is usual", "refused to what is pure"},
		"chance in an event":                 {plugin{provides: mirror, code: event(`return { state: { at: Math.random() } };`)}, "answers the same when it is asked again", "and then"},
		"a counter in memory":                {plugin{provides: shout, code: `let calls = 0; ` + answer(`return { content: [{ kind: "text", text: String(++calls) }] };`)}, "keeps nothing in memory that matters", "one that was called before"},
		"what was said to another account":   {plugin{provides: mirror, code: `const seen = new Set(); ` + event(`const known = seen.has(e.account + e.kind); seen.add(e.account + e.kind); return { state: { known } };`)}, "keeps nothing in memory that matters", "known"},
		"an id of its own making":            {plugin{provides: mirror, transcript: update, code: event(`if (e.kind !== "response") return {}; const n = (e.state?.n ?? 0) + 1; return { state: { n }, messages: [{ id: "m" + n, text: "t", sender: { id: "a" }, conversation: { id: "a" } }] };`)}, "brings a message in once, however often its event comes", "m2"},
		"a lock that is left":                {plugin{provides: shout, more: records, code: `import { kv, PluginError } from "carapace"; ` + answer(`if (kv.get("lock") === "1") throw new PluginError("conflict", "it is being done"); kv.put("lock", "1"); kv.put("work", args.text); kv.put("lock", "0"); return {};`)}, "bears a call that is given up", "it is being done"},
		"an error that it does not expect":   {plugin{provides: shout, more: records, code: `import { kv } from "carapace"; ` + answer(`let x; try { x = kv.get("a"); } catch (e) { if (e.code !== "unavailable") return { content: [{ kind: "text", text: e.nothing.at(0) }] }; } return {};`)}, "bears what fails that it asks for", "kv_get fails with"},
		"a response without a body":          {plugin{provides: mirror, more: web, code: event(`if (e.kind === "start") return { requests: [{ id: "a", url: "https://example.org/" }] }; return { state: e.response?.text.length };`)}, "lives through what its answers ask for", "it crashes"},
		"a state that it does not expect":    {plugin{provides: mirror, more: web, code: event(`if (e.kind === "start") return { state: { n: 1 }, timers: [{ id: "t", after: 1 }] }; return { state: { n: e.state.n.toFixed() }, timers: [{ id: "t", after: 1 }] };`)}, "lives through what its answers ask for", "event"},
		"a stream of another form":           {plugin{provides: oracle, more: web, code: `export const providerRequest = () => ({ request: { url: "https://example.org/" } }); export function providerChunk({ events }) { for (const e of events) if (e.kind === "data") JSON.parse(e.data).choices.at(0); return {}; }`}, "reads whatever a server sends", "data: it crashes"},
		"a server that answers nonsense":     {plugin{provides: shout, more: web, code: `import { http } from "carapace"; ` + answer(`const r = http.request({ url: "https://example.org/" }); if (r.status !== 200) return {}; return { content: [{ kind: "text", text: JSON.parse(r.text ?? "").name ?? "" }] };`)}, "bears what fails that it asks for", "a server answers 200"},
		"a transcript of other times":        {plugin{provides: shout, code: goodTool, transcript: said}, "answers as in testdata/said.jsonl", `"A"`},
		"a transcript that is none":          {plugin{provides: shout, code: goodTool, transcript: `{"call":"tool_call"}`}, "answers as in testdata/said.jsonl", "tool_call"},
		"a call that fills its memory":       {plugin{provides: shout, code: answer(`return { content: [{ kind: "text", text: String(new Uint8Array(52 << 20).length) }] };`)}, "there is room within the limits", "an instance holds"},
		"a service that does not stop":       {plugin{provides: `"service": {"label": "S"}`, code: `export const serviceStart = () => ({ ok: true }), serviceHealth = () => ({}); export function serviceStop() { for (;;); }`}, "starts, ticks, says how it is, and stops", "service_stop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := conformancetest.Run(t, run, c.subject(t))
			for _, check := range report.Checks {
				if check.State != conformance.Passed && check.Name == c.check && strings.Contains(strings.Join(check.Found, "\n"), c.found) {
					if check.Do == "" {
						t.Error("it does not say what to do")
					}
					return
				}
			}
			t.Errorf("nothing found: %+v", report.Checks)
		})
	}
}

// TestConformanceOfALoop: what never ends is waited for twice at most, and not in every check.
func TestConformanceOfALoop(t *testing.T) {
	t.Parallel()
	run := conformancetest.Engine(t)
	for name, p := range map[string]plugin{
		"tool":    {provides: shout, code: `export function toolInvoke() { for (;;); }`},
		"channel": {provides: mirror, code: goodSend + `export function channelEvent(e) { if (e.kind === "response") for (;;); return { requests: [{ id: "a", url: "https://example.org/" }] }; }`, more: web},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			late := 0
			for _, check := range conformancetest.Run(t, run, p.subject(t)).Checks {
				late += strings.Count(strings.Join(check.Found, "\n"), "does not end in time")
				if said := strings.Join(check.Found, "\n"); strings.Contains(said, "deadline") {
					t.Errorf("it says %q", said)
				}
			}
			if late < 1 || late > 2 {
				t.Errorf("%d calls were waited for", late)
			}
		})
	}
}

// TestConformanceOfNoModule: a file that is no WebAssembly is named, and nothing else is tried.
func TestConformanceOfNoModule(t *testing.T) {
	t.Parallel()
	s := plugin{provides: shout}.subject(t)
	s.Manifest = []byte(strings.Replace(string(s.Manifest), "plugin.js", "plugin.wasm", 1))
	s.Code = func(string) ([]byte, error) { return []byte("#!/bin/sh\necho no"), nil }
	report := conformancetest.Run(t, conformancetest.Engine(t), s)
	if n := len(report.Checks); n != 2 || report.Checks[1].Name != "the code can be read" || report.Checks[1].State != conformance.Failed {
		t.Errorf("%+v", report.Checks)
	}
}

// TestConformanceOfGood: what the broken ones are made of passes, and so does what has a reason to answer otherwise each time.
func TestConformanceOfGood(t *testing.T) {
	t.Parallel()
	run := conformancetest.Engine(t)
	for name, p := range map[string]plugin{
		"tool":    {provides: shout, code: goodTool, transcript: `{"call":"tool_invoke","input":{"name":"shout","args":{"text":"a"}},"output":{"content":[{"kind":"text","text":"A"}]}}`},
		"channel": {provides: mirror, code: goodSend + `export const channelEvent = () => ({});`},
		"hook":    {provides: watcher, code: `export const hookHandle = () => ({});`},
		"asking":  {provides: shout, more: web, code: asks},
		"dice":    {provides: shout, code: `export const toolInvoke = () => ({ content: [{ kind: "text", text: String(Math.random()) }] });`},
		"records": {provides: shout, more: records, code: `import { kv } from "carapace"; export function toolInvoke() { const n = Number(kv.get("n") ?? 0) + 1; kv.put("n", String(n)); return { content: [{ kind: "text", text: String(n) }] }; }`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformancetest.Check(t, run, p.subject(t))
		})
	}
}

// TestConformanceUpdateOfNothing: who has no transcript gets a line that begins one.
func TestConformanceUpdateOfNothing(t *testing.T) {
	t.Parallel()
	run := conformancetest.Engine(t)
	s := plugin{provides: shout, code: `export function toolInvoke() { return {}; }`}.subject(t)
	updated := func() []conformance.Check {
		t.Helper()
		report, err := conformance.Run(t.Context(), conformance.Options{Engine: run, Gateway: "dev", Update: true}, s)
		if err != nil || report.Failures() != 0 {
			t.Fatalf("%v %+v", err, report)
		}
		return slices.DeleteFunc(report.Checks, func(c conformance.Check) bool { return c.State != conformance.Warning })
	}
	said := updated()
	if len(said) != 1 || len(said[0].Found) != 2 || !strings.HasPrefix(said[0].Found[1], `{"call":"tool_invoke","input":{`) {
		t.Fatalf("%+v", said)
	}
	file := filepath.Join(s.Folder, "testdata", "first.jsonl")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(said[0].Found[1]), 0o600)); err != nil {
		t.Fatal(err)
	}
	updated()
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"output":{}`) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestConformanceUpdate: the answers of a run become those of the transcript.
func TestConformanceUpdate(t *testing.T) {
	t.Parallel()
	run := conformancetest.Engine(t)
	p := plugin{provides: shout, more: records, code: `import { kv } from "carapace"; export function toolInvoke({ args }) { kv.put("last", args.text); return {}; }`,
		transcript: `{"call":"tool_invoke","input":{"name":"shout","args":{"text":"<a>"}},"host":[{"call":"kv_put","param":{"key":"last","value":"b"},"ok":{"ok":true}}],"output":{"failed":true}}`}
	s := p.subject(t)
	report, err := conformance.Run(t.Context(), conformance.Options{Engine: run, Gateway: "dev", Update: true}, s)
	if err != nil || report.Failures() != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	if report := conformancetest.Run(t, run, s); report.Failures() != 0 {
		t.Errorf("after the update: %+v", report.Checks)
	}
	text, err := os.ReadFile(filepath.Join(s.Folder, "testdata", "said.jsonl"))
	if want := `{"call":"tool_invoke","input":{"name":"shout","args":{"text":"<a>"}},"host":[{"call":"kv_put","param":{"key":"last","value":"<a>","ttl":0},"ok":{"ok":true}}],"output":{}}`; err != nil || strings.TrimSpace(string(text)) != want {
		t.Errorf("%v: %s", err, text)
	}
}
