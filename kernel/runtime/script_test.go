package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// interpreter is the JavaScript interpreter that `make plugins` takes from npm.
func interpreter(t testing.TB) []byte {
	t.Helper()
	wasm, err := os.ReadFile("../../builtin-plugins/dist/quickjs.wasm")
	if err != nil {
		t.Fatalf("run `make plugins` with npm there: %v", err)
	}
	return wasm
}

// begins is the least that a first script has to be: exports are functions of the global object.
const begins = `
let waiting;
const settle = (p) => { p.then((v) => { waiting = "+" + JSON.stringify(v); }, (e) => { waiting = fail(e); }); return null; };
const fail = (e) => "-" + JSON.stringify({code: e.code ?? "internal", message: String(e.message), stack: e.stack});
const ask = (name, param) => { const a = JSON.parse(__host("call", name, JSON.stringify(param))); if (a.error) throw Object.assign(new Error(a.error.message), a.error); return a.ok; };
const __begin = (name, json) => {
  waiting = undefined;
  try {
    const out = globalThis[name](JSON.parse(json));
    return out instanceof Promise ? settle(out) : "+" + JSON.stringify(out);
  } catch (e) { return fail(e); }
};
const __step = () => waiting ?? fail(new Error("it never settles"));
Object.assign(globalThis, {__begin, __step});
`

func scripted(t testing.TB, script string, spec runtime.Spec) *runtime.Pool {
	t.Helper()
	spec.Scripts = []runtime.Script{{File: "begins.js", Code: begins}, {File: "plugin.js", Code: script, Position: func(line, column int) (string, bool) {
		return fmt.Sprintf("plugin.ts:%d", line*100), true
	}}}
	return newPool(t, newEngine(t, runtime.Config{}), interpreter(t), spec)
}

func TestScripts(t *testing.T) {
	asked := ""
	p := scripted(t, `
var echo = (x) => x;
var later = async (x) => { await null; return {got: await x}; };
var never = () => new Promise(() => {});
var throws = () => { throw new TypeError("no such thing"); };
var refused = () => { throw Object.assign(new Error("not now"), {code: "unavailable", retryable: true}); };
var stores = (x) => ask("kv_get", x);
var forbidden = () => ask("kv_set", 1);
var digest = () => [__host("digest", "SHA-256", "616263"), __host("hmac", "SHA-1", "6b6579", "616263"), __host("random", "4").length];
var odd = () => { __host("call", {toString() { return __host("random", "1"); }}, "x"); };
var count = 0, counts = () => ++count;
var left = 0, leaves = () => { const before = left; Promise.resolve().then(() => null).then(() => { left++; }); return before; };
var text = () => "\ud800\u0000é" + "\ud83d\ude00";
var zone = () => new Date(0).getTimezoneOffset();
`, runtime.Spec{Mode: runtime.Warm, Functions: map[string]runtime.HostFunc{"kv_get": func(_ context.Context, in []byte) ([]byte, error) {
		if asked = string(in); asked == `"gone"` {
			return nil, wit.NewError(wit.CodeNotFound, "there is nothing")
		}
		return []byte(`{"value":1}`), nil
	}}})
	for _, c := range []struct{ export, in, want string }{
		{"echo", `{"a":[1,"ü"]}`, `{"a":[1,"ü"]}`},
		{"later", `5`, `{"got":5}`},
		{"never", `1`, `internal: it never settles`},
		{"throws", `1`, `internal: no such thing`},
		{"refused", `1`, `unavailable: not now`},
		{"stores", `"key"`, `{"value":1}`},
		{"stores", `"gone"`, `not_found: there is nothing`},
		{"forbidden", `1`, `forbidden: permission not granted: kv_set`},
		{"digest", `1`, `["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","4fd0b215276ef12f2b3e4c8ecac2811498b656fc",8]`},
		{"odd", `1`, `internal: the host takes texts`},
		{"counts", `1`, `1`}, {"counts", `1`, `2`}, // a warm instance
		{"leaves", `1`, `0`}, {"leaves", `1`, `1`}, // what is left to do belongs to the call that left it
		{"text", `1`, `"\ud800\u0000é😀"`},
		{"zone", `1`, `0`},
	} {
		out, err := p.Call(t.Context(), c.export, []byte(c.in))
		got := string(out)
		if err != nil {
			got = string(wit.CodeOf(err)) + ": " + wit.AsError(err).Message
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s(%s) = %s, want %s", c.export, c.in, got, c.want)
		}
	}
	_, err := p.Call(t.Context(), "throws", []byte("1"))
	if crash := (*runtime.Crash)(nil); !errors.As(err, &crash) || !strings.Contains(crash.Output, "throws") || !strings.Contains(crash.Output, "plugin.ts:500") {
		t.Errorf("what is said of what was thrown: %q", crash.Output)
	}
	if s := p.Stats(); s.Instances != 1 {
		t.Errorf("%d instances were made for calls that can go on", s.Instances)
	}
}

// TestHostileScripts end, and cost their own instance.
func TestHostileScripts(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"endless":        {`var bad = () => { for (;;); };`, "timeout: plugin test: bad did not answer"},
		"endless jobs":   {`var bad = async () => { for (;;) await null; };`, "timeout: plugin test: bad did not answer"},
		"at its start":   {`for (;;);`, "timeout: plugin test: _initialize did not answer"},
		"recursion":      {`var bad = () => bad() + 1;`, "internal: Maximum call stack size exceeded"},
		"deep JSON":      {`var bad = () => JSON.parse("[".repeat(1e6));`, "internal: "},
		"deep regex":     {`var bad = () => /^(a|b|ab)*$/.exec("ab".repeat(1e5) + "c");`, ""},
		"memory":         {`var bad = () => { const all = []; for (;;) all.push("x".repeat(1e5) + all.length); };`, "unavailable: plugin test: InternalError: out of memory: raise limits.memory in plugin.json"},
		"one large":      {`var bad = () => new Uint8Array(1e9).length;`, ""},
		"no program":     {`var bad = ;`, "unavailable: plugin test: SyntaxError: unexpected token"},
		"throws nothing": {`throw null`, "unavailable: plugin test: the script threw something that is no error"},
		"evil stack":     {`throw {get stack() { for (;;); }}`, "timeout: "},
		"calls itself":   {`var bad = () => __begin("bad", "1");`, "unavailable: plugin test: InternalError: out of memory"},
		"no answer":      {`globalThis.__begin = () => 5; globalThis.__step = () => "*";`, "unavailable: plugin test: bad failed: *"},
		"huge answer":    {`var bad = () => "x".repeat(5e6);`, "too_large: plugin test: answer of 5000002 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			deadline := time.Minute // what ends by itself is not hurried on a busy machine
			if c.want == "" || strings.HasPrefix(c.want, "timeout: ") {
				deadline = time.Second
			}
			p := scripted(t, c.script, runtime.Spec{Mode: runtime.Warm, Limits: runtime.Limits{Deadline: deadline, MemoryBytes: 16 << 20}})
			_, err := p.Call(t.Context(), "bad", []byte("1"))
			if got := fmt.Sprint(wit.CodeOf(err), ": ", err); err == nil && c.want != "" || err != nil && !strings.HasPrefix(got, c.want) {
				t.Errorf("%.300s", got)
			}
			if s := p.Stats(); s.Memory > 32<<20 {
				t.Errorf("it holds %d MB", s.Memory>>20)
			}
		})
	}
}

// TestAnInterpreterWithoutScripts has no exports that can be called, and calls nobody.
// TestAnEndlessScriptSaysWhereItWas, whatever it does to go on, and names what was called where the interpreter cannot say more.
func TestAnEndlessScriptSaysWhereItWas(t *testing.T) {
	for name, c := range map[string]struct{ script, where string }{
		"a loop":               {"var n = 0, spin = () => {\n for (;;) n++; };\nvar bad = () => spin();", "spin (plugin.ts:200)\n    at bad (plugin.ts:300)"},
		"a loop with work":     {"var bad = () => { for (;;)\n JSON.parse('[1, 2, {}]'); };", "at bad (plugin.ts:200)"},
		"catches":              {"var bad = () => { for (;;) try {\n for (;;) Math.abs(1); } catch {} finally { continue; } };", "at bad (plugin.ts:200)"},
		"catches a promise":    {"var n = 0, spin = async () => {\n for (;;) n++; };\nvar bad = () => spin().catch(() => 1);", "spin (plugin.ts:200)\n    at bad (plugin.ts:300)"},
		"asynchronous":         {"var bad = async () => { await null;\n for (;;) Math.abs(1); };", "at bad (plugin.ts:200)"},
		"promises for ever":    {"var bad = async () => { for (;;)\n await null; };", "at bad (plugin.ts:200)"},
		"asks":                 {"var bad = () => { for (;;)\n ask('kv_get', 1); };", "at bad (plugin.ts:200)"},
		"asks and catches":     {"var bad = () => { for (;;) try {\n ask('kv_get', 1); } catch {} };", "at bad (plugin.ts:200)"},
		"asks and answers":     {"var bad = () => { for (;;) try { ask('kv_get', 1); } catch { return 1; } };", "in bad; the interpreter does not say where"},
		"waits":                {"var bad = () => { for (;;)\n __host('sleep', '1'); };", "at bad (plugin.ts:200)"},
		"at its start":         {"var spin = () => {\n for (;;) Math.abs(1); };\nspin();", "spin (plugin.ts:200)\n    at <eval> (plugin.ts:300)"},
		"a regular expression": {"var bad = () =>\n /^(a|a)*$/.exec('a'.repeat(40) + 'b');", "at bad (plugin.ts:200)"},
		"in the interpreter":   {"var bad = () => 'a'.repeat(1e6).indexOf('a'.repeat(5e5) + 'b');", "in bad; the interpreter does not say where"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := scripted(t, c.script, runtime.Spec{Mode: runtime.Warm, Limits: runtime.Limits{Deadline: 300 * time.Millisecond},
				Functions: map[string]runtime.HostFunc{"kv_get": func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil }}})
			out, err := p.Call(t.Context(), "bad", []byte("1"))
			crash := (*runtime.Crash)(nil)
			if !errors.As(err, &crash) || wit.CodeOf(err) != wit.CodeTimeout || !strings.Contains(crash.Output, c.where) || crash.Stack != "" {
				t.Fatalf("%s, %v, %q", out, err, crash.Output)
			}
			if s := p.Stats(); s.Alive != 0 {
				t.Errorf("the instance is kept: %+v", s)
			}
		})
	}
}

// TestAScriptThatIsGivenUp has done nothing wrong, and ends at once.
func TestAScriptThatIsGivenUp(t *testing.T) {
	for _, script := range []string{"var bad = () => { ask('kv_get', 1); for (;;); };", "var bad = () => { for (;;) try { ask('kv_get', 1); } catch {} };"} {
		ctx, cancel := context.WithCancel(t.Context())
		p := scripted(t, script, runtime.Spec{Functions: map[string]runtime.HostFunc{
			"kv_get": func(context.Context, []byte) ([]byte, error) { cancel(); return []byte("1"), nil },
		}})
		if _, err := p.Call(ctx, "bad", []byte("1")); wit.CodeOf(err) != wit.CodeUnavailable || errors.As(err, new(*runtime.Crash)) {
			t.Errorf("given up: %v", err)
		}
	}
}

func TestAnInterpreterWithoutScripts(t *testing.T) {
	p := newPool(t, newEngine(t, runtime.Config{}), interpreter(t), runtime.Spec{})
	if _, err := p.Call(t.Context(), "tool_invoke", nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
	b := &builder{}
	b.mem(1)
	host := b.imp("env", "host_call", op(i32, i32, i32, i32, i32), op(i32))
	b.fn("bad", nil, op(i32), nil, cat(ci32(0), ci32(0), ci32(0), ci32(0), ci32(0), call(host)))
	if _, err := newPool(t, newEngine(t, runtime.Config{}), b.bytes(), runtime.Spec{}).Call(t.Context(), "bad", nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}
