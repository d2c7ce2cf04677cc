package agent_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestToolLoop: calls, results, and what each sees of the other.
func TestToolLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Watchers = []string{"c7"}
		chattest.Script(w, chattest.Ask(chattest.Call("c1", "add", `{"a":1}`), chattest.Call("c1", "pay", `"{\"b\":2}"`)), chattest.Say("all done"))
		p := w.Start(nil)
		p.Send("r1", "do it")
		r := p.Wait("r1")
		synctest.Wait()
		if r.Answer != "all done" || r.Usage != (wit.Usage{Input: 15, Output: 3}) {
			t.Errorf("run %+v", r)
		}
		want := []string{"user: do it", "call add", "call pay", `tool: add ok {"a":1}`, `tool: pay ok {"b":2}`, "assistant: all done"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		second := w.Model.Requests()[1]
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
		for _, e := range w.Agents("r1", "tool") {
			phases = append(phases, e.Data["phase"].(string)+" "+e.Data["name"].(string))
		}
		if want := []string{"start add", "result add", "start pay", "result pay"}; !slices.Equal(phases, want) {
			t.Errorf("tool events %q", phases)
		}
		w.Mu.Lock()
		defer w.Mu.Unlock()
		for _, e := range w.Events {
			if a, ok := e.Payload.(chat.AgentEvent); ok && a.Stream == "tool" && !slices.Equal(e.To, w.Watchers) {
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
		"unknown":       {call: chattest.Call("1", "fly", `{}`), want: `There is no tool "fly". These can be called: add, pay.`},
		"not JSON":      {call: chattest.Call("1", "add", `{"a":`), want: "not a JSON object"},
		"not an object": {call: chattest.Call("1", "add", `[1]`), want: "not a JSON object"},
		"schema":        {call: chattest.Call("1", "add", `{"b":1}`), want: "the argument a is missing"},
		"no arguments":  {call: chattest.Call("1", "pay", ``), want: "pay ok {}", ran: true},
		"coded error": {call: chattest.Call("1", "pay", `{}`), ran: true, want: "The tool failed: no money",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return nil, wit.NewError(wit.CodeForbidden, "no money")
			}},
		"other error": {call: chattest.Call("1", "pay", `{}`), ran: true, want: "an internal error",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return nil, errors.New("secret detail")
			}},
		"nothing": {call: chattest.Call("1", "pay", `{}`), ran: true, want: "gave no result",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) { return nil, nil }},
		"too much": {call: chattest.Call("1", "pay", `{}`), ran: true, want: "[cut: the result is longer",
			do: func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return &wit.ToolOutput{Content: []wit.Part{session.TextPart(strings.Repeat("ö", 100_000))}}, nil
			}},
		"vetoed": {call: chattest.Call("1", "pay", `{}`), want: "refused at before_tool_call: too dear",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				why := "too dear"
				return &wit.HookDecision{Cancel: true, Reason: &why}
			}}},
		"changed": {call: chattest.Call("1", "pay", `{"n":5}`), ran: true, want: `pay ok {"n":1}`,
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"args":{"n":1},"tool":"add"}`)}
			}}},
		"changed for the worse": {call: chattest.Call("1", "add", `{"a":5}`), want: "the argument a is missing",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"args":{}}`)}
			}}},
		"redacted": {call: chattest.Call("1", "pay", `{}`), ran: true, want: "[gone]",
			on: map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameToolResultPersist: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"result":"[gone]"}`)}
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				w.Hooks.On = c.on
				if c.do != nil {
					w.Tools.Do = c.do
				}
				chattest.Script(w, chattest.Ask(c.call), chattest.Say("so be it"))
				p := w.Start(nil)
				p.Send("r1", "go")
				if r := p.Wait("r1"); r.Answer != "so be it" {
					t.Fatalf("run %+v", r)
				}
				got := chattest.Results(w.Model.Requests()[1])
				if len(got) != 1 || !strings.Contains(got[0], c.want) || len(got[0]) > 65<<10 || strings.Contains(got[0], "secret") {
					t.Errorf("the model hears %.200q, want %q", got, c.want)
				}
				if ran := w.Tools.Count("add")+w.Tools.Count("pay") > 0; ran != c.ran {
					t.Errorf("ran: %v", ran)
				}
			})
		})
	}
}

// TestVerbose: in a verbose session everybody sees tool calls, else only who asked for them.
func TestVerbose(t *testing.T) {
	for _, verbose := range []string{"off", "on", "full"} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("ok"))
			p := w.Start(nil)
			p.Must("sessions.patch", map[string]any{"key": "main", "verboseLevel": verbose})
			p.Send("r1", "go")
			p.Wait("r1")
			synctest.Wait()
			if n := len(w.Agents("r1", "tool")); (n == 2) != (verbose != "off") {
				t.Errorf("verbose %s: %d tool events", verbose, n)
			}
			if items := w.Agents("r1", "item"); verbose != "off" && (len(items) != 2 || items[0].Data["status"] != "running" || items[1].Data["status"] != "completed" || items[0].Data["itemId"] != items[1].Data["itemId"]) {
				t.Errorf("items %v", items)
			}
			for _, e := range w.Agents("r1", "lifecycle") {
				if e.Data["phase"] == "end" && e.Seq != 9 {
					t.Errorf("verbose %s: the last event has the number %d", verbose, e.Seq)
				}
			}
		})
	}
}

// TestEndlessTools: the last round offers no tools, and a model that asks on all the same fails.
func TestEndlessTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		chattest.Script(w, append(slices.Repeat([]*wit.ProviderAnswer{chattest.Ask(chattest.Call("c", "pay", `{}`))}, 40), chattest.Say("well then"))...)
		p := w.Start(nil)
		p.Send("r1", "go")
		if r := p.Wait("r1"); r.State != run.Failed || w.Tools.Count("pay") != 25 {
			t.Errorf("run %+v after %d calls", r, w.Tools.Count("pay"))
		}
		asked := w.Model.Requests()
		if last := asked[len(asked)-1]; len(last.Tools) != 0 || len(asked) != 26 {
			t.Errorf("%d requests, the last with %d tools", len(asked), len(last.Tools))
		}
	})
}

// TestTextBesideCalls: what was said beside tool calls is the answer when nothing follows.
func TestTextBesideCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		first := chattest.Ask(chattest.Call("c", "pay", `{}`))
		first.Deltas = chattest.Say("It is 4.").Deltas
		chattest.Script(w, first, chattest.Say())
		p := w.Start(nil)
		p.Send("r1", "go")
		if r := p.Wait("r1"); r.Answer != "It is 4." {
			t.Errorf("run %+v", r)
		}
	})
}

// TestBeforeAgentStart: a hook changes what the model is told beside the conversation, and what belongs to the run alone.
func TestBeforeAgentStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("ok"))
		w.Hooks.On = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{
			wit.HookNameBeforeAgentStart: func(wit.HookEvent) *wit.HookDecision {
				return &wit.HookDecision{Modify: wit.JSON(`{"systemPrompt":"Be a pirate.","prependContext":"It rains."}`)}
			},
		}
		p := w.Start(nil)
		w.Accept(p, "m1", "go")
		w.Only(p)
		p.Must("sessions.reset", map[string]any{"key": "main"})
		synctest.Wait()
		c := w.Model.Requests()[0]
		if c.System != "Be a pirate." || chattest.LastUser(c) != "It rains.\ngo" {
			t.Errorf("system %q, user %q", c.System, chattest.LastUser(c))
		}
		if got := w.History(chattest.MainKey); len(got) != 0 {
			t.Errorf("after the reset: %q", got)
		}
	})
}

// TestHookContext: hooks are told for whom they are asked.
func TestHookContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		w.Accept(p, "m1", "go")
		r := w.Only(p)
		synctest.Wait()
		for _, e := range w.Hooks.Asked {
			if e.Context.Agent != "main" || e.Context.Session != string(chattest.MainKey) || e.Context.Run != r.ID || *e.Context.Channel != "chat" {
				t.Errorf("%s: context %+v", e.Name, e.Context)
			}
		}
	})
}

// TestAStopAmongTools: a call that was under way may have happened, those behind it did not, and the model of the next
// run reads which is which.
func TestAStopAmongTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Tools.Do = func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`), chattest.Call("c2", "pay", `{}`)), chattest.Say("well"))
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		if _, err := p.Runs.Stop(t.Context(), run.Selection{Session: chattest.MainKey}, "enough"); err != nil {
			t.Fatal(err)
		}
		if r := p.Wait("r1"); r.State != run.Aborted || r.Stop != "enough" || r.Calling != "" {
			t.Errorf("run %+v", r)
		}
		p.Send("r2", "and?")
		if r := p.Wait("r2"); r.Answer != "well" {
			t.Errorf("run %+v", r)
		}
		var got []string
		for _, said := range w.Model.Requests()[1].Turns {
			if said.Role == wit.RoleTool {
				got = append(got, chattest.TextOf(said.Content))
			}
		}
		if len(got) != 2 || !strings.Contains(got[0], "its outcome is unknown") || !strings.Contains(got[1], "was not made") || w.Tools.Count("pay") != 1 {
			t.Errorf("results %q after %d calls", got, w.Tools.Count("pay"))
		}
	})
}

// TestWhoCallsATool: the tool is told for whom, in which run, and in which call.
func TestWhoCallsATool(t *testing.T) {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for from, want := range map[string]string{"a chat": "chat bot 42", "a client": "- - -"} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			var got wit.ToolContext
			w.Tools.Do = func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
				got = c.Context
				return &wit.ToolOutput{}, nil
			}
			chattest.Script(w, chattest.Ask(chattest.Call("c7", "pay", `{}`)), chattest.Say("done"))
			p := w.Start(nil)
			if from == "a chat" {
				w.Accept(p, "m1", "go")
			} else {
				p.Send("r1", "go")
			}
			r := w.Only(p)
			who := text(got.Channel) + " " + text(got.Account) + " " + text(got.Sender)
			if who != want || got.Agent != "main" || got.Session != string(chattest.MainKey) || got.Run != r.ID || got.CallID != "c7" || got.Now == 0 || got.TimeZone == "" {
				t.Errorf("from %s: %s, %+v", from, who, got)
			}
		})
	}
}

// TestAnIdThatComesBack in a later round is another call.
func TestAnIdThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		ask := chattest.Ask(chattest.Call("same", "pay", `{}`))
		chattest.Script(w, ask, ask, chattest.Say("done"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		want := []string{"user: go", "call pay", "tool: pay ok {}", "call pay", "tool: pay ok {}", "assistant: done"}
		if got := w.History(chattest.MainKey); w.Tools.Count("pay") != 2 || !slices.Equal(got, want) {
			t.Errorf("paid %d times: %q", w.Tools.Count("pay"), got)
		}
	})
}
