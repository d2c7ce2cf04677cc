package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// calling is the permission to call these tools.
func calling(tools ...string) wit.Permissions {
	return wit.Permissions{ToolInvoke: &wit.ToolPermission{Reason: "to look things up", Tools: tools}}
}

// adder is a tool that says what it was called with, and in which context.
func adder() plugintest.Fake {
	f := kerneltest.Tool("adder", func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		text := fmt.Sprintf("%s in %s of %s, secret", c.Args, c.Context.Session, c.Context.Run)
		return &wit.ToolOutput{Content: []wit.Part{{Text: &text}}, Failed: strings.Contains(string(c.Args), "13")}, nil
	})
	f.Manifest.Provides.Tools[0].Parameters = wit.JSON(`{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}`)
	return f
}

// TestPluginsInvokeTools past the hooks, in the name of the run in which they do.
func TestPluginsInvokeTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watched := make(chan string, 100)
		watch := func(name wit.HookName, fn func(e *wit.HookEvent) *wit.HookDecision) plugintest.Fake {
			return kerneltest.Hook(strings.ReplaceAll(string(name), "_", "-"), name, func(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
				if !strings.Contains(string(e.Event), `"tool":"adder"`) {
					return &wit.HookDecision{}, nil
				}
				return fn(e), nil
			})
		}
		before := watch(wit.HookNameBeforeToolCall, func(e *wit.HookEvent) *wit.HookDecision {
			if strings.Contains(string(e.Event), "666") {
				return &wit.HookDecision{Cancel: true, Reason: new("an evil number")}
			}
			return &wit.HookDecision{Modify: wit.JSON(strings.NewReplacer(`"tool":"adder",`, "").Replace(strings.ReplaceAll(string(e.Event), "1", "2")))}
		})
		persist := watch(wit.HookNameToolResultPersist, func(e *wit.HookEvent) *wit.HookDecision {
			var r wit.ToolResultPersist
			if err := wit.Unmarshal(e.Event, &r); err != nil || strings.Contains(r.Result, "77") {
				return &wit.HookDecision{Cancel: true, Reason: new("too much luck")}
			}
			return &wit.HookDecision{Modify: encoded(fields{"result": strings.ReplaceAll(r.Result, "secret", "nothing")})}
		})
		after := watch(wit.HookNameAfterToolCall, func(e *wit.HookEvent) *wit.HookDecision {
			watched <- string(e.Event) + e.Context.Run
			return &wit.HookDecision{}
		})
		l := kerneltest.Start(t, kerneltest.Plugin(obedient(), asker(calling(), nil, nil), adder(), before, persist, after)).Listen()
		got := l.Ask("r1", do("tools_invoke", fields{"name": "adder", "args": fields{"n": 1}}))
		if got != `it says {"content":[{"kind":"text","text":"{\"n\":2} in agent:main:main of r1, nothing"}]}` {
			t.Errorf("in a run: %s", got)
		}
		if seen := <-watched; !strings.Contains(seen, `"result":"{\"n\":2} in agent:main:main of r1, nothing"`) || !strings.HasSuffix(seen, "r1") {
			t.Errorf("after it a hook is told %s", seen)
		}
		for want, args := range map[string]fields{
			`{"content":[{"kind":"text","text":"{\"n\":3} in  of , nothing"}]}`:                {"n": 3},
			`{"content":[{"kind":"text","text":"{\"n\":23} in  of , nothing"}]}`:               {"n": 13},
			"error: forbidden: plugin before-tool-call refused at before_tool_call: an evil":   {"n": 666},
			"error: forbidden: plugin tool-result-persist refused at tool_result_persist: too": {"n": 77},
			"error: invalid: arguments of adder":                                               {"n": "many"},
		} {
			if got := ask(l, "tools_invoke", fields{"name": "adder", "args": args}); !strings.HasPrefix(got, want) {
				t.Errorf("%v: %s", args, got)
			}
		}
	})
}

// TestToolsWithinToolsEnd: a plugin is not called while it waits for a call, and so many calls within each other are the
// end. A tool that does not answer costs no more than its deadline.
func TestToolsWithinToolsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// next is a tool that calls another one.
		next := func(name, calls string) plugintest.Fake {
			f := kerneltest.Tool(name, func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
				text := said(plugintest.CallHost(ctx, "tools_invoke", encoded(fields{"name": calls, "args": fields{}})))
				return &wit.ToolOutput{Content: []wit.Part{{Text: &text}}}, nil
			})
			f.Manifest.Permissions = calling()
			return f
		}
		hangs := kerneltest.Tool("hangs", func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		hangs.Manifest.Limits = &wit.Limits{Deadline: 2000}
		answers := make(chan string, 100)
		hook := asker(calling(), map[wit.HookName]question{wit.HookNameBeforeToolCall: {"tools_invoke", fields{"name": "adder", "args": fields{}}}}, answers)
		l := kerneltest.Start(t, kerneltest.Plugin(hook, hangs, adder(),
			next("one", "two"), next("two", "three"), next("three", "four"), next("four", "five"), next("five", "adder"), next("ring", "asker"))).Listen()
		for want, tool := range map[string]string{
			"asker is a tool of plugin asker, which waits for this call": "asker",
			"asker is a tool of plugin asker, which waits for this cal":  "ring",
			"would be called within 3 calls of tools":                    "one",
			"error: unavailable: plugin hangs":                           "hangs",
			`there is no tool none`:                                      "none",
		} {
			if got := ask(l, "tools_invoke", fields{"name": tool, "args": fields{}}); !strings.Contains(got, want) {
				t.Errorf("%s: %s", tool, got)
			}
		}
		for len(answers) > 0 {
			if a := <-answers; !strings.HasPrefix(a, "error: forbidden: tools: a hook may not call tools, since before_tool_call") {
				t.Error(a)
			}
		}
	})
}

// TestRefusedToolCalls: of tools that are not granted, in words that say what to do, and too often.
func TestRefusedToolCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := kerneltest.Start(t, kerneltest.Plugin(asker(calling("other"), nil, nil), adder())).Listen()
		for want, param := range map[string]fields{
			`error: forbidden: plugin asker: the permission toolInvoke is not granted for "adder": add it to permissions.toolInvoke.tools in plugin.json`: {"name": "adder", "args": fields{}},
			"error: invalid: name":     {"args": fields{}},
			"error: invalid: args":     {"name": "adder", "args": "x"},
			"error: too_large: args: ": {"name": "adder", "args": fields{"x": strings.Repeat("x", 256<<10)}},
			"error: not_found: ":       {"name": "other", "args": fields{}},
		} {
			if got := ask(l, "tools_invoke", param); !strings.HasPrefix(got, want) {
				t.Errorf("%.100v: %.300s", param, got)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := kerneltest.Start(t, kerneltest.Plugin(asker(calling(), nil, nil), adder())).Listen()
		last := ""
		for range wit.LimitToolsBurst + 1 {
			last = ask(l, "tools_invoke", fields{"name": "adder", "args": fields{}})
		}
		if !strings.HasPrefix(last, "error: rate_limited: tools") {
			t.Error(last)
		}
	})
}

// TestWithoutAPermission nothing of it is done, and the refusal says what to add to the manifest.
func TestWithoutAPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := kerneltest.Start(t, kerneltest.Plugin(asker(wit.Permissions{}, nil, nil), adder())).Listen()
		for call, permission := range map[string]string{
			"message_send": "messageSend", "agent_run": "agentRun", "agent_wait": "agentRun", "session_find": "sessionRead",
			"session_read": "sessionRead", "tools_invoke": "toolInvoke",
		} {
			want := fmt.Sprintf(`error: forbidden: plugin asker: permission %s is not granted: add "%[1]s": {"reason": "…"} to the permissions in plugin.json`, permission)
			if got := ask(l, call, fields{}); got != want {
				t.Errorf("%s: %s", call, got)
			}
		}
	})
}
