package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhatIsToldOfACall: its arguments as they were called with, whatever the model wrote, and whether it failed.
func TestWhatIsToldOfACall(t *testing.T) {
	for name, c := range map[string]struct {
		call   wit.ToolCall
		shown  string // to clients
		hooked string // to hooks: a part of it
		failed bool
	}{
		"an object":   {chattest.Call("c", "pay", `{"n":1}`), "map[n:1]", `"args":{"n":1}`, false},
		"in a string": {chattest.Call("c", "pay", `"{\"n\":1}"`), "map[n:1]", `"args":{"n":1}`, false},
		"none":        {chattest.Call("c", "pay", `[1]`), "[1]", "{", true},
		"half of one": {chattest.Call("c", "pay", `{"n"`), `{"n"`, "{", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			w.Watchers = []string{"c7"}
			chattest.Script(w, chattest.Ask(c.call), chattest.Say("done"))
			p := w.Start(nil)
			p.Send("r1", "go")
			p.Wait("r1")
			synctest.Wait()
			if got := fmt.Sprint(chattest.AsMap(t, w.Agents("r1", "tool")[0])["data"].(obj)["args"]); got != c.shown {
				t.Errorf("%s: clients see %s", name, got)
			}
			if m := w.Messages(chattest.MainKey)[2]; m.Failed != c.failed || m.Role != wit.RoleTool {
				t.Errorf("%s: %+v", name, m)
			}
			for _, e := range w.Hooks.Asked {
				if e.Name == wit.HookNameAfterToolCall && (!strings.Contains(string(e.Event), c.hooked) || strings.Contains(string(e.Event), `"args"`) == c.failed) {
					t.Errorf("%s: hooks hear %s", name, e.Event)
				}
			}
		})
	}
}

// TestAStopBetweenCalls: what was asked for and not begun is not made, neither after a call nor while a hook thinks of it.
func TestAStopBetweenCalls(t *testing.T) {
	for name, c := range map[string]struct {
		slow string
		made int
	}{"after the first": {"tool", 1}, "before the first": {"hook", 0}} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			if c.slow == "hook" {
				w.Hooks.On = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeToolCall: func(wit.HookEvent) *wit.HookDecision {
					time.Sleep(time.Second)
					return nil
				}}
			} else {
				w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
					time.Sleep(time.Second)
					return &wit.ToolOutput{Content: []wit.Part{session.TextPart("paid")}}, nil
				}
			}
			chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`), chattest.Call("c2", "pay", `{}`)), chattest.Say("done"))
			p := w.Start(nil)
			p.Send("r1", "go")
			synctest.Wait()
			if _, err := p.Runs.Stop(t.Context(), run.Selection{Session: chattest.MainKey}, "enough"); err != nil {
				t.Fatal(err)
			}
			if r := p.Wait("r1"); r.State != run.Aborted || w.Tools.Count("pay") != c.made {
				t.Errorf("%s: %s after %d calls", name, r.State, w.Tools.Count("pay"))
			}
			got := w.History(chattest.MainKey)
			if last := got[len(got)-1]; !strings.Contains(last, "was not made") {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
}

// halting is a provider that asks for a tool, and then for nothing until its process ends.
type halting struct {
	*chattest.Model
	asked int
}

func (h *halting) Provider(string) (agent.Provider, bool) { return h, true }

func (h *halting) Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
	if h.asked++; h.asked > 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Model.Request(ctx, c)
}

// TestACallThatWasRecorded is over for the next process too: the same id in a later round is another call.
func TestACallThatWasRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		ask := chattest.Ask(chattest.Call("same", "pay", `{}`))
		chattest.Script(w, ask, ask, chattest.Say("done"))
		w.Providers = &halting{Model: w.Model}
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		p.Stop()
		w.Providers = nil
		w.Start(nil).Wait("r1")
		want := []string{"user: go", "call pay", "tool: pay ok {}", "call pay", "tool: pay ok {}", "assistant: done"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// TestResultsOfHooks: a hook changes the text of a result and nothing else of it; where it fails nothing is told.
func TestResultsOfHooks(t *testing.T) {
	modify := map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameToolResultPersist: func(wit.HookEvent) *wit.HookDecision {
		return &wit.HookDecision{Modify: wit.JSON(`{"result":"[gone]"}`)}
	}}
	for name, c := range map[string]struct {
		on     map[wit.HookName]func(wit.HookEvent) *wit.HookDecision
		broken wit.HookName
		want   string
	}{
		"none":   {nil, "", "one, media-a, two"},
		"one":    {modify, "", "[gone], media-a"},
		"broken": {nil, wit.HookNameToolResultPersist, "The result was withheld: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			var log strings.Builder
			w.Log = hclog.New(&hclog.LoggerOptions{Output: &log})
			w.Hooks.On, w.Hooks.Broken, w.Hooks.OnFailure = c.on, c.broken, wit.FailPolicyClosed
			w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return &wit.ToolOutput{Content: []wit.Part{session.TextPart("one"), {Kind: wit.PartKindImage, Media: new("media-a")}, session.TextPart("two")}}, nil
			}
			chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("done"))
			p := w.Start(nil)
			p.Send("r1", "go")
			p.Wait("r1")
			var got []string
			for _, part := range w.Messages(chattest.MainKey)[2].Parts {
				if part.Media != nil {
					got = append(got, *part.Media)
				} else {
					got = append(got, *part.Text)
				}
			}
			if s := strings.Join(got, ", "); s != c.want && (c.broken == "" || !strings.HasPrefix(s, c.want) || strings.Contains(s, "one")) {
				t.Errorf("%s: kept %q", name, got)
			}
		})
	}
}

// TestAHookThatHasToBeAsked: a run does not begin where it fails.
func TestAHookThatHasToBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Hooks.Broken, w.Hooks.OnFailure = wit.HookNameBeforeAgentStart, wit.FailPolicyClosed
		p := w.Start(nil)
		p.Send("r1", "go")
		if r := p.Wait("r1"); r.State != run.Failed || len(w.Model.Requests()) != 0 {
			t.Errorf("%+v after %d requests", r, len(w.Model.Requests()))
		}
	})
}

// TestAToolThatFails is in the log with what the model is not told.
func TestAToolThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		var log strings.Builder
		w.Log = hclog.New(&hclog.LoggerOptions{Output: &log})
		w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			return nil, errors.New("page 7 is torn")
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("done"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		p.Stop()
		if s := log.String(); !strings.Contains(s, "tool failed: run=r1 tool=pay") || !strings.Contains(s, "page 7 is torn") {
			t.Errorf("the log has %s", s)
		}
	})
}

// TestTypingIsShown in the conversation that waits, as long as it does.
func TestTypingIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer { time.Sleep(12 * time.Second); return chattest.Say("ok") })
		p := w.Start(nil)
		synctest.Wait() // what goes on beside the runs has begun
		w.Accept(p, "m1", "hi")
		w.Only(p)
		time.Sleep(time.Minute)
		if n := w.Typed.Count(); n != 3 {
			t.Errorf("typing is shown %d times", n)
		}
		if n := p.Models.Defaults(t.Context()).ContextTokens; n != 100_000 { // the models are listed beside a run
			t.Errorf("the model reads %d tokens", n)
		}
	})
}

// TestWhatARunAdds to the system prompt comes last.
func TestWhatARunAdds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		if _, err := p.Runs.Submit(t.Context(), run.Request{Run: run.Run{ID: "r1", Session: chattest.MainKey, Text: "hi", System: "Speak French."}}); err != nil {
			t.Fatal(err)
		}
		p.Wait("r1")
		if got := w.Model.Requests()[0].System; !strings.HasSuffix(got, ".\n\nSpeak French.") {
			t.Errorf("the prompt is %q", got)
		}
	})
}
