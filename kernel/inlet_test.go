package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

const hookToken = "a-token-for-hooks"

const hookSettings = `{"hooks":{"token":"` + hookToken + `","mappings":[
	{"match":{"path":"mail"},"name":"Mail","messageTemplate":"Mail from {{messages[0].from}}: {{payload.messages[0].subject}}{{messages[9].x}} {{messages[0].n}} {{headers.X-Kind}} {{query.q}} {{path}}","sessionKey":"hook:mail:{{messages[0].id}}"},
	{"match":{"source":"clock"},"action":"wake","textTemplate":"It is {{hour}}"},
	{"match":{"path":"smart"},"transform":"smart"}]}}`

// hook makes a call with the hooks' token.
func hookCall(t *testing.T, k *kerneltest.Kernel, path, body string, headers ...string) (int, string) {
	t.Helper()
	res := post(t, t.Context(), k, "/hooks/"+path, body, append([]string{"Authorization", "Bearer " + hookToken}, headers...)...)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

// started makes a call that has to start a run, and returns its end.
func hookRun(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener, path, body string, headers ...string) chat.Event {
	t.Helper()
	status, text := hookCall(t, k, path, body, headers...)
	var got struct {
		OK    bool
		RunID string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 202 || !got.OK || got.RunID == "" {
		t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	return l.End(got.RunID)
}

func TestHookAgent(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, kerneltest.Config(t, hookSettings), r.provider(hello))
	l := k.Listen()
	end := hookRun(t, k, l, "agent", `{"message":" check the mail ","name":"Cron","thinking":"high","timeoutSeconds":60.5}`)
	if kerneltest.Text(end.Message) != "Hello there." || !strings.HasPrefix(string(end.SessionKey), "agent:main:hook:") {
		t.Errorf("end %+v", end)
	}
	c := r.last()
	if kerneltest.Heard(&c) != "check the mail" || c.Thinking != "high" || !strings.Contains(c.System, "It is called Cron.") || !strings.Contains(c.System, "is data") {
		t.Errorf("chat %+v", c)
	}
	first := hookRun(t, k, l, "agent", `{"message":"once","idempotencyKey":"k"}`)
	second := hookRun(t, k, l, "agent", `{"message":"once"}`, "Idempotency-Key", "k")
	if len(r.chats) != 2 || first.RunID != second.RunID {
		t.Errorf("asked %d times: %s %s", len(r.chats), first.RunID, second.RunID)
	}
}

func TestHookWake(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, kerneltest.Config(t, hookSettings), r.provider(hello))
	l := k.Listen()
	if status, text := hookCall(t, k, "wake", `{"text":" the door ","mode":"next-heartbeat"}`); status != 200 || text != `{"ok":true,"mode":"next-heartbeat"}` {
		t.Errorf("%d %s", status, text)
	}
	if status, text := hookCall(t, k, "wake", `{"text":"the bell","mode":"soon"}`); status != 200 || text != `{"ok":true,"mode":"now"}` {
		t.Errorf("%d %s", status, text)
	}
	l.Until("an answer", func(events []kerneltest.Event) bool {
		return slices.ContainsFunc(l.Chats(""), func(e chat.Event) bool { return e.State == "final" })
	})
	c := r.last()
	if want := "user [system event] the door\nuser [system event] the bell\n"; heardAll(&c) != want {
		t.Errorf("the model reads\n%s", heardAll(&c))
	}
}

func TestHookMappings(t *testing.T) {
	t.Parallel()
	var r recorder
	smart := kerneltest.Tool("smart", func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		var in struct{ Payload struct{ Say string } }
		if err := json.Unmarshal(c.Args, &in); err != nil || in.Payload.Say == "" {
			return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new("null")}}}, err
		}
		if in.Payload.Say == "fail" {
			return nil, wit.NewError(wit.CodeInternal, "broken")
		}
		text, _ := json.Marshal(map[string]any{"message": "smart " + in.Payload.Say})
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new(string(text))}}}, nil
	})
	k := kerneltest.Start(t, kerneltest.Config(t, hookSettings), r.provider(hello), kerneltest.Plugin(smart))
	l := k.Listen()
	heard := func() string { c := r.last(); return kerneltest.Heard(&c) }
	end := hookRun(t, k, l, "mail?q=a%20b", `{"messages":[{"id":"7","from":"Ann \"A\"","subject":"Hi","n":[1,2]}]}`, "X-Kind", "new")
	if want := `Mail from Ann "A": Hi [1,2] new a b mail`; heard() != want || end.SessionKey != "agent:main:hook:mail:7" {
		t.Errorf("asked %q in %s", heard(), end.SessionKey)
	}
	if status, text := hookCall(t, k, "other", `{"source":"clock","hour":5}`); status != 200 || text != `{"ok":true,"mode":"now"}` {
		t.Errorf("%d %s", status, text)
	}
	l.Until("the answer to the wake-up", func([]kerneltest.Event) bool {
		return slices.ContainsFunc(l.Chats(""), func(e chat.Event) bool { return e.State == "final" && e.SessionKey == "agent:main:main" })
	})
	hookRun(t, k, l, "smart", `{"say":"x"}`)
	if heard() != "smart x" {
		t.Errorf("asked %q", heard())
	}
	for body, want := range map[string]int{`{}`: 204, `{"say":"fail"}`: 503} {
		if status, text := hookCall(t, k, "smart", body); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
}

// TestHookOnce: a call with a key is answered as it was, also after the gateway was killed, and its transform is asked once.
func TestHookOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	smart := kerneltest.Tool("smart", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		n, text := asked.Add(1), "null"
		if n > 1 { // each time it would say something else
			text = fmt.Sprintf(`{"message":"asked %d times"}`, n)
		}
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}}, nil
	})
	dir := t.TempDir()
	var first [3]string
	calls := []string{"smart", "agent", "wake"}
	for round := range 2 {
		k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Config(t, hookSettings), kerneltest.Plugin(smart, kerneltest.Echo("echo")))
		for i, path := range calls {
			for again := range 2 {
				status, text := hookCall(t, k, path, `{"message":"m","text":"t"}`, "Idempotency-Key", "key")
				got := fmt.Sprint(status, " ", text)
				if round+again == 0 {
					first[i] = got
				} else if got != first[i] {
					t.Errorf("%s was answered %q and then %q", path, first[i], got)
				}
			}
		}
		k.Stop()
	}
	if asked.Load() != 1 || first[0] != "204 " {
		t.Errorf("the transform was asked %d times, answers %q", asked.Load(), first)
	}
}

func TestHookRefusals(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, hookSettings), kerneltest.Plugin(kerneltest.Echo("echo")))
	for _, c := range []struct {
		path, body string
		status     int
		text       string
		headers    []string
	}{
		{"wake", `{}`, 400, "text required", nil},
		{"wake", `{"text":"  "}`, 400, "text required", nil},
		{"wake", `{"text":7}`, 400, "text cannot be a JSON number", nil},
		{"wake", ``, 400, "no body", nil},
		{"wake", `{`, 400, "not a JSON object", nil},
		{"wake", `{"text":"` + strings.Repeat("x", 256<<10) + `"}`, 413, "262144 bytes", nil},
		{"agent", `{}`, 400, "message required", nil},
		{"agent", `{"message":"x","sessionKey":"main"}`, 400, "allowRequestSessionKey", nil},
		{"agent", `{"message":"x","agentId":"nobody"}`, 400, "unknown agent", nil},
		{"agent", `{"message":"x","channel":"pigeon","to":"1"}`, 400, "pigeon", nil},
		{"agent", `{"message":"x","model":"none/such"}`, 400, "no provider", nil},
		{"none", `{}`, 404, "Not Found", nil},
		{"wake?token=" + hookToken, `{"text":"x"}`, 400, "header Authorization", nil},
		{"wake", `{"text":"x"}`, 401, "Unauthorized", []string{"Authorization", "Bearer " + kerneltest.Token}},
		{"wake", `{"text":"x"}`, 200, "now", []string{"Authorization", "", "X-Clawdbot-Token", hookToken}},
	} {
		if status, text := hookCall(t, k, c.path, c.body, c.headers...); status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s %.80s: %d %.300s, want %d %s", c.path, c.body, status, text, c.status, c.text)
		}
	}
	off := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	if status, _ := hookCall(t, off, "wake", `{"text":"x"}`); status != 404 {
		t.Errorf("hooks without a token: %d", status)
	}
}
