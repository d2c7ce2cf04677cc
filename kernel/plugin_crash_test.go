package kernel_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// trapping is a module whose tool_invoke calls a function named fall_over, which is one instruction: unreachable.
const trapping = "\x00asm\x01\x00\x00\x00" +
	"\x01\x08\x02\x60\x00\x00\x60\x00\x01\x7f" + // types: () and () i32
	"\x03\x03\x02\x00\x01" + "\x05\x03\x01\x00\x01" + // two functions, a memory
	"\x07\x18\x02\x06memory\x02\x00\x0btool_invoke\x00\x01" +
	"\x0a\x0c\x02\x03\x00\x00\x0b\x06\x00\x10\x00\x41\x00\x0b" +
	"\x00\x13\x04name\x01\x0c\x01\x00\x09fall_over"

// dropped is a gateway with a plugin of one tool, of that code, in its folder.
func dropped(t *testing.T, id string, code []byte) (*kerneltest.Kernel, *kerneltest.Listener) {
	t.Helper()
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"plugin.wasm": string(code), "plugin.json": `{"id":"` + id + `","name":"Faulty","version":"1.0.0","description":"x",
		"abi":1,"entry":"plugin.wasm","provides":{"tools":[{"name":"fall","description":"x","parameters":{"type":"object"}}]},
		"permissions":{"credential":{"reason":"x","names":["key"]}},
		"config":{"type":"object","properties":{"key":{"type":"string","x-secret":true}}}}`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
	return k, k.Listen()
}

// crashOf calls the tool and returns what the error says of its end.
func crashOf(t *testing.T, l *kerneltest.Listener, id, args, code string) *plugin.Crash {
	t.Helper()
	err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: id, Tool: "fall", Args: []byte(args)}, nil)
	refusal := (*wire.Error)(nil)
	if !errors.As(err, &refusal) {
		t.Fatalf("the call ended with %v", err)
	}
	var details plugin.CallFailure
	b, _ := json.Marshal(refusal.Details)
	if err := json.Unmarshal(b, &details); err != nil || details.Crash == nil || details.Code != code {
		t.Fatalf("%v: %s", err, b)
	}
	return details.Crash
}

// TestAPanicShowsItsAuthorWhere: with the functions and lines, without secrets and control characters, and to nobody
// who only reads.
func TestAPanicShowsItsAuthorWhere(t *testing.T) {
	t.Parallel()
	const secret = "sk-very-secret-0123456789"
	k, l := dropped(t, "faulty", wasm(t, "faulty", ""))
	l.MustCall("plugins.configure", map[string]any{"id": "faulty", "secrets": map[string]string{"key": secret}}, nil)
	said := crashOf(t, l, "faulty", "{\"key\":\"\x7f"+secret+"\"}", "INTERNAL")
	where := regexp.MustCompile(`panic: no dice: (?s).*main\.rollTheDice\(.*faulty/main\.go:\d+`)
	if !where.MatchString(said.Trace) || !strings.Contains(said.Trace, `\u007f[redacted]`) {
		t.Errorf("the author is shown %s", said.Trace)
	}
	var d plugin.Details
	var all plugin.StatusResult
	l.MustCall("plugins.info", plugin.IDParams{ID: "faulty"}, &d)
	l.MustCall("plugins.status", nil, &all)
	shown := []*plugin.Crash{d.Crash}
	for _, p := range all.Plugins {
		if p.ID == "faulty" {
			shown = append(shown, p.Crash)
		} else if p.Crash != nil {
			t.Errorf("%s has not crashed: %+v", p.ID, p.Crash)
		}
	}
	for _, c := range shown {
		if c == nil || *c != *said || c.Version != "1.0.0" || c.At == 0 || !strings.Contains(c.Message, "no dice") {
			t.Errorf("the last crash is %+v", c)
		}
	}
	everything, _ := json.Marshal([]any{said, d, all, k.Logged()})
	if strings.Contains(string(everything), secret) || strings.Contains(string(everything), "\x7f") {
		t.Errorf("the secret, or a control character, is in %s", everything)
	}
	if log := strings.Join(k.Logged(), "\n"); !strings.Contains(log, "main.rollTheDice(") {
		t.Errorf("the log does not say where: %s", log)
	}
	reader := kerneltest.Listen(t, k.Dial(wire.ScopeRead))
	for method, params := range map[string]any{"plugins.info": plugin.IDParams{ID: "faulty"}, "plugins.status": nil} {
		var raw json.RawMessage
		if reader.MustCall(method, params, &raw); strings.Contains(string(raw), "rollTheDice") || strings.Contains(string(raw), "lastCrash") {
			t.Errorf("%s tells who only reads: %s", method, raw)
		}
	}
	if err := reader.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "faulty", Tool: "fall"}, nil); err == nil {
		t.Error("who only reads may call")
	}
}

// TestATrapShowsItsAuthorWhere: a guest that says nothing is known by its functions.
func TestATrapShowsItsAuthorWhere(t *testing.T) {
	t.Parallel()
	k, l := dropped(t, "silent", []byte(trapping))
	said := crashOf(t, l, "silent", "{}", "UNAVAILABLE")
	if !strings.Contains(said.Trace, "\nfall_over()\ntool_invoke() i32") && !strings.Contains(said.Trace, "\nfall_over()\n") {
		t.Errorf("the author is shown %q", said.Trace)
	}
	l.Until("the log to say where", func([]client.Event) bool {
		return strings.Contains(strings.Join(k.Logged(), "\n"), "tool_invoke ended in fall_over()")
	})
}
