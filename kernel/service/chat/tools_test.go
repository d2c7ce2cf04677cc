package chat_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// script makes the model give these answers, one for each request.
func script(w *world, answers ...*wit.ProviderAnswer) {
	n := 0
	w.model.set(func(*wit.Chat) *wit.ProviderAnswer {
		n++
		return answers[min(n, len(answers))-1]
	})
}

// TestToolLoop: calls, results, and what each sees of the other.
func TestToolLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.watchers = []string{"c7"}
		script(w, ask(call("c1", "add", `{"a":1}`), call("c1", "pay", `"{\"b\":2}"`)), say("all done"))
		p := w.start(nil)
		defer p.stop()
		p.send("r1", "do it")
		r := p.wait("r1")
		synctest.Wait()
		if r.Answer != "all done" || r.Usage != (wit.Usage{Input: 15, Output: 3}) {
			t.Errorf("run %+v", r)
		}
		want := []string{"user: do it", "call add", "call pay", `tool: add ok {"a":1}`, `tool: pay ok {"b":2}`, "assistant: all done"}
		if got := w.history(mainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		second := w.model.requests()[1]
		ids := map[string]bool{}
		for _, said := range second.Turns {
			if said.ToolCallID != nil {
				ids[*said.ToolCallID] = true
			}
		}
		if len(ids) != 2 || len(second.Tools) != 2 {
			t.Errorf("the model sees %+v", second.Turns)
		}
		var phases []string
		for _, e := range w.agents("r1", "tool") {
			phases = append(phases, e.Data["phase"].(string)+" "+e.Data["name"].(string))
		}
		if want := []string{"start add", "result add", "start pay", "result pay"}; !slices.Equal(phases, want) {
			t.Errorf("tool events %q", phases)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, e := range w.events {
			if a, ok := e.Payload.(chat.AgentEvent); ok && a.Stream == "tool" && !slices.Equal(e.To, w.watchers) {
				t.Errorf("tool event to %q", e.To)
			}
		}
	})
}

// TestToolTrouble: whatever goes wrong with a tool is told to the model, and the run goes on.
func TestToolTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		call wit.ToolCall
		do   func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error)
		on   map[wit.HookName]func(wit.HookEvent) *wit.HookDecision
		want string
		ran  bool
	}{
		"unknown":       {call: call("1", "fly", `{}`), want: `There is no tool "fly"`},
		"not JSON":      {call: call("1", "add", `{"a":`), want: "not a JSON object"},
		"not an object": {call: call("1", "add", `[1]`), want: "not a JSON object"},
		"schema":        {call: call("1", "add", `{"b":1}`), want: "the argument a is missing"},
		"no arguments":  {call: call("1", "pay", ``), want: "pay ok {}", ran: true},
		"coded error": {call: call("1", "pay", `{}`), ran: true, want: "The tool failed: no money",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return nil, wit.NewError(wit.CodeForbidden, "no money")
			}},
		"other error": {call: call("1", "pay", `{}`), ran: true, want: "an internal error",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return nil, errors.New("secret detail")
			}},
		"nothing": {call: call("1", "pay", `{}`), ran: true, want: "gave no result",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) { return nil, nil }},
		"too much": {call: call("1", "pay", `{}`), ran: true, want: "[cut: the result is longer",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return &wit.ToolOutput{Content: []wit.Part{session.TextPart(strings.Repeat("ö", 100_000))}}, nil
			}},
		"vetoed": {call: call("1", "pay", `{}`), want: "refused at before_tool_call: too dear",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				why := "too dear"
				return &wit.HookDecision{Cancel: true, Reason: &why}
			}}},
		"changed": {call: call("1", "pay", `{"n":5}`), ran: true, want: `pay ok {"n":1}`,
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"args":{"n":1},"tool":"add"}`)}
			}}},
		"changed for the worse": {call: call("1", "add", `{"a":5}`), want: "the argument a is missing",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"args":{}}`)}
			}}},
		"redacted": {call: call("1", "pay", `{}`), ran: true, want: "[gone]",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameToolResultPersist: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"result":"[gone]"}`)}
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.hooks.on = c.on
				if c.do != nil {
					w.tools.do = c.do
				}
				script(w, ask(c.call), say("so be it"))
				p := w.start(nil)
				defer p.stop()
				p.send("r1", "go")
				if r := p.wait("r1"); r.Answer != "so be it" {
					t.Fatalf("run %+v", r)
				}
				got := results(w.model.requests()[1])
				if len(got) != 1 || !strings.Contains(got[0], c.want) || len(got[0]) > 65<<10 || strings.Contains(got[0], "secret") {
					t.Errorf("the model hears %.200q, want %q", got, c.want)
				}
				if ran := w.tools.count("add")+w.tools.count("pay") > 0; ran != c.ran {
					t.Errorf("ran: %v", ran)
				}
			})
		})
	}
}

// TestVerbose: in a verbose session everybody sees tool calls, else only who asked for them.
func TestVerbose(t *testing.T) {
	for _, verbose := range []string{"off", "on"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			script(w, ask(call("c", "pay", `{}`)), say("ok"))
			p := w.start(nil)
			defer p.stop()
			p.must("sessions.patch", map[string]any{"key": "main", "verboseLevel": verbose})
			p.send("r1", "go")
			p.wait("r1")
			synctest.Wait()
			if n := len(w.agents("r1", "tool")); (n == 2) != (verbose == "on") {
				t.Errorf("verbose %s: %d tool events", verbose, n)
			}
			for _, e := range w.agents("r1", "lifecycle") {
				if e.Data["phase"] == "end" && e.Seq != 5 {
					t.Errorf("verbose %s: the last event has the number %d", verbose, e.Seq)
				}
			}
		})
	}
}

// TestEndlessTools: the last round offers no tools, and a model that asks on all the same fails.
func TestEndlessTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		script(w, ask(call("c", "pay", `{}`)))
		p := w.start(nil)
		defer p.stop()
		p.send("r1", "go")
		if r := p.wait("r1"); r.State != run.Failed || w.tools.count("pay") != 25 {
			t.Errorf("run %+v after %d calls", r, w.tools.count("pay"))
		}
		asked := w.model.requests()
		if last := asked[len(asked)-1]; len(last.Tools) != 0 || len(asked) != 26 {
			t.Errorf("%d requests, the last with %d tools", len(asked), len(last.Tools))
		}
	})
}

// TestTextBesideCalls: what was said beside tool calls is the answer when nothing follows.
func TestTextBesideCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := ask(call("c", "pay", `{}`))
		first.Deltas = say("It is 4.").Deltas
		script(w, first, say())
		p := w.start(nil)
		defer p.stop()
		p.send("r1", "go")
		if r := p.wait("r1"); r.Answer != "It is 4." {
			t.Errorf("run %+v", r)
		}
	})
}

// TestEveryHookFires compares what a conversation fires with the table.
func TestEveryHookFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		script(w, ask(call("c", "pay", `{}`)), say("ok"))
		w.hooks.on = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{
			wit.HookNameBeforeAgentStart: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"systemPrompt":"Be a pirate.","prependContext":"It rains."}`)}
			},
		}
		p := w.start(nil)
		defer p.stop()
		w.accept(p, "m1", "go")
		w.only(p)
		p.must("sessions.reset", map[string]any{"key": "main"})
		synctest.Wait()
		fired := w.hooks.names()
		for _, row := range hook.Table() {
			if want := row.FiredBy == "agent"; want != slices.Contains(fired, row.Name) {
				t.Errorf("%s: fired %v, the table says by %q", row.Name, !want, row.FiredBy)
			}
		}
		c := w.model.requests()[0]
		if c.System != "Be a pirate." || lastUser(c) != "It rains.\ngo" {
			t.Errorf("system %q, user %q", c.System, lastUser(c))
		}
		if got := w.history(mainKey); len(got) != 0 {
			t.Errorf("after the reset: %q", got)
		}
	})
}

// TestHookContext: hooks are told for whom they are asked.
func TestHookContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start(nil)
		defer p.stop()
		w.accept(p, "m1", "go")
		r := w.only(p)
		synctest.Wait()
		for _, e := range w.hooks.asked {
			if e.Context.Agent != "main" || e.Context.Session != string(mainKey) || e.Context.Run != r.ID || *e.Context.Channel != "chat" {
				t.Errorf("%s: context %+v", e.Name, e.Context)
			}
		}
	})
}
