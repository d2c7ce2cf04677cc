package kernel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// repeater is a tool that says what it was called with, and fails on demand.
func repeater(name string, effects ...wit.Effect) plugintest.Fake {
	f := kerneltest.Tool(name, func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		out := &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new(c.Context.Session + " " + string(c.Args))}}}
		out.Failed = strings.Contains(string(c.Args), "fail")
		return out, nil
	})
	f.Manifest.Provides.Tools[0].Effects = effects
	return f
}

func TestToolsInvoke(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("say", wit.EffectReads)))
	for _, c := range []struct {
		body   string
		status int
		path   []any
		want   any
	}{
		{`{"tool":"say","args":{"a":1},"action":"go"}`, 200, []any{"result", "content", 0, "text"}, `agent:main:main {"a":1,"action":"go"}`},
		{`{"name":"say","args":[1],"sessionKey":"other"}`, 200, []any{"result", "content", 0, "text"}, `agent:main:other {}`},
		{`{"tool":"say","dryRun":true}`, 200, []any{"result", "dryRun", "tool"}, "say"},
		{`{"tool":"none"}`, 404, []any{"error", "type"}, "not_found"},
		{`{"tool":"none","dryRun":true}`, 404, []any{"error", "type"}, "not_found"},
		{`{"tool":"say","args":{"x":"fail"}}`, 400, []any{"error", "type"}, "tool_error"},
		{`{}`, 400, []any{"error", "message"}, "tools.invoke requires body.tool"},
		{`{"tool":7}`, 400, []any{"ok"}, false},
		{`{"tool":"say","sessionKey":"agent:nobody:x"}`, 400, []any{"ok"}, false},
	} {
		if got := posted(t, k, c.status, "/tools/invoke", c.body); at(got, c.path...) != c.want {
			t.Errorf("%s: %v", c.body, got)
		}
	}
	posted(t, k, 401, "/tools/invoke", `{}`, "Authorization", "Bearer wrong")
	if res, _ := k.Exchange("GET", "/tools/invoke", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
}

// TestToolsInvokeIsGated: what needs the owner's word is not called without it, and a hook may refuse a call.
func TestToolsInvokeIsGated(t *testing.T) {
	t.Parallel()
	veto := kerneltest.Hook("veto", wit.HookNameBeforeToolCall, func(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
		d := &wit.HookDecision{}
		if strings.Contains(string(e.Event), "forbidden") {
			d.Cancel, d.Reason = true, new("not this")
		}
		return d, nil
	})
	k := kerneltest.Start(t, kerneltest.Config(t, `{"agent":{"approve":["writes"]}}`),
		kerneltest.Plugin(repeater("write", wit.EffectWrites), repeater("say", wit.EffectReads), veto))
	if got := posted(t, k, 403, "/tools/invoke", `{"tool":"write"}`); !strings.Contains(at(got, "error", "message").(string), "somebody has to approve it") {
		t.Errorf("%v", got)
	}
	if got := posted(t, k, 403, "/tools/invoke", `{"tool":"say","args":{"x":"forbidden"}}`); at(got, "error", "type") != "forbidden" {
		t.Errorf("%v", got)
	}
	posted(t, k, 200, "/tools/invoke", `{"tool":"say"}`)
}
