package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// phases are the events of a stream of run r1, one line each.
func phases(w *chattest.World, stream string) (lines []string) {
	for _, e := range w.Agents("r1", stream) {
		line := fmt.Sprint(e.Data["phase"], " ", e.Data["name"], " ", e.Data["toolCallId"])
		if part, ok := e.Data["partialResult"].(map[string]any); ok {
			line += " " + part["content"].([]chat.Content)[0].Text
		}
		lines = append(lines, line)
	}
	return lines
}

// says are two reports of how far a call is, made before it answers.
func says(texts ...string) func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
	return func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		for _, text := range texts {
			chattest.Tell(ctx, text)
		}
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new("done")}}}, nil
	}
}

// TestProgressIsShown to who sees tool calls, between their start and their result, and nothing of it is kept.
func TestProgressIsShown(t *testing.T) {
	for _, verbose := range []string{"off", "on"} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			w.Watchers = []string{"c7"}
			w.Tools.Do = says("a third", "two thirds")
			chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`)), chattest.Say("paid"))
			p := w.Start(nil)
			p.Must("sessions.patch", map[string]any{"key": "main", "verboseLevel": verbose})
			p.Send("r1", "go")
			p.Wait("r1")
			synctest.Wait()
			want := []string{"start pay c1", "update pay c1 a third", "update pay c1 two thirds", "result pay c1"}
			if got := phases(w, "tool"); !slices.Equal(got, want) {
				t.Errorf("tool events %q", got)
			}
			if got := phases(w, "item"); !slices.Equal(got, []string{"start pay c1", "update pay c1", "update pay c1", "end pay c1"}) {
				t.Errorf("items %q", got)
			}
			if got := w.History(chattest.MainKey); !slices.Equal(got, []string{"user: go", "call pay", "tool: done", "assistant: paid"}) {
				t.Errorf("history %q", got)
			}
			w.Mu.Lock()
			defer w.Mu.Unlock()
			for _, e := range w.Events {
				checkAudience(t, e, verbose == "on")
			}
		})
	}
}

// checkAudience: progress goes where a tool's start and result go, and may be lost on the way.
func checkAudience(t *testing.T, e event.Event, all bool) {
	t.Helper()
	a, ok := e.Payload.(chat.AgentEvent)
	if !ok || a.Stream != "tool" && a.Stream != "item" {
		return
	}
	if all != (e.To == nil) || !all && !slices.Equal(e.To, []string{"c7"}) {
		t.Errorf("%v went to %q", a.Data, e.To)
	}
	if update := a.Data["phase"] == "update"; update != e.DropIfSlow {
		t.Errorf("%v may be dropped: %v", a.Data, e.DropIfSlow)
	}
}

// TestProgressIsTreatedAsAResult: a hook that changes results changes it, and where one fails that must not be passed
// over, nothing is shown.
func TestProgressIsTreatedAsAResult(t *testing.T) {
	hidden := func(e wit.HookEvent) *wit.HookDecision {
		return &wit.HookDecision{Modify: wit.JSON(strings.ReplaceAll(string(e.Event), "hunter2", "[gone]"))}
	}
	modifies := func(modify string) func(wit.HookEvent) *wit.HookDecision {
		return func(wit.HookEvent) *wit.HookDecision { return &wit.HookDecision{Modify: wit.JSON(modify)} }
	}
	for name, c := range map[string]struct {
		on     func(wit.HookEvent) *wit.HookDecision
		policy wit.FailPolicy
		want   []string
	}{
		"as it is":    {nil, "", []string{"the key is hunter2"}},
		"changed":     {hidden, "", []string{"the key is [gone]"}},
		"longer":      {modifies(`{"result":"` + strings.Repeat("x", 10_000) + `"}`), "", []string{strings.Repeat("x", wit.ProgressReportTextCut) + "…"}},
		"fails":       {modifies(`7`), wit.FailPolicyOpen, []string{"the key is hunter2"}},
		"fails, shut": {modifies(`7`), wit.FailPolicyClosed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				w.Watchers = []string{"c7"}
				w.Hooks.OnFailure = c.policy
				w.Hooks.On = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameToolResultPersist: c.on}
				w.Tools.Do = says("the key is hunter2")
				chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`)), chattest.Say("paid"))
				p := w.Start(nil)
				p.Send("r1", "go")
				p.Wait("r1")
				synctest.Wait()
				want := []string{"start pay c1"}
				for _, text := range c.want {
					want = append(want, "update pay c1 "+text)
				}
				if got := phases(w, "tool"); !slices.Equal(got, append(want, "result pay c1")) {
					t.Errorf("tool events %.80q", got)
				}
			})
		})
	}
}

// TestProgressOfAStoppedRun: what a tool says after its run was stopped is not shown.
func TestProgressOfAStoppedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Watchers = []string{"c7"}
		w.Tools.Do = func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
			chattest.Tell(ctx, "before")
			<-ctx.Done()
			chattest.Tell(ctx, "after")
			return nil, ctx.Err()
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`)))
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		if _, err := p.Runs.Stop(t.Context(), run.Selection{Session: chattest.MainKey}, "enough"); err != nil {
			t.Fatal(err)
		}
		p.Wait("r1")
		synctest.Wait()
		if got := phases(w, "tool"); !slices.Equal(got, []string{"start pay c1", "update pay c1 before"}) {
			t.Errorf("tool events %q", got)
		}
	})
}
