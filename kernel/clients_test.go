package kernel_test

import (
	"context"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhatClientsList: the lists of what plugins offer, where something can be done, what is worked on and what was done.
func TestWhatClientsList(t *testing.T) {
	t.Parallel()
	watching := kerneltest.Hook("watcher", wit.HookNameMessageReceived, func(context.Context, *wit.HookEvent) (*wit.HookDecision, error) {
		return &wit.HookDecision{}, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("slow", unhurried), kerneltest.Tool("clock", toldTime), watching),
		kerneltest.Config(t, `{"agent":{"model":"slow/model"},"plugins":{"clock":{"enabled":false}}}`))
	l := k.Listen()

	t.Run("skills.status", func(t *testing.T) {
		var list struct {
			Skills []struct {
				Name, SkillKey     string
				Disabled, Eligible bool
				Tools              []string
			}
		}
		l.MustCall("skills.status", nil, &list)
		if len(list.Skills) != 1 || list.Skills[0].SkillKey != "clock" || !list.Skills[0].Disabled || list.Skills[0].Eligible || !slices.Equal(list.Skills[0].Tools, []string{"clock"}) {
			t.Errorf("the plugin with a tool, which is switched off: %+v", list)
		}
		l.MustCall("config.patch", object{"raw": `{"plugins":{"clock":{"enabled":true}}}`}, nil)
		l.MustCall("skills.status", object{"agentId": "main"}, &list)
		if list.Skills[0].Disabled || !list.Skills[0].Eligible {
			t.Errorf("it was switched on: %+v", list)
		}
		if err := l.Call(t.Context(), "skills.status", object{"agentId": "nobody"}, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("of an agent that there is not: %v", err)
		}
	})
	t.Run("hooks.status", func(t *testing.T) {
		var list struct {
			Hooks []struct {
				HookKey  string
				Events   []string
				Loadable bool
			}
		}
		l.MustCall("hooks.status", nil, &list)
		if len(list.Hooks) != 1 || list.Hooks[0].HookKey != "watcher" || !list.Hooks[0].Loadable || !slices.Equal(list.Hooks[0].Events, []string{string(wit.HookNameMessageReceived)}) {
			t.Errorf("the plugin with a hook: %+v", list)
		}
	})
	t.Run("environments.list", func(t *testing.T) {
		n := joinNode(t, k, client.Options{Client: wire.Client{DisplayName: "desk"}, Commands: []string{"system.which"}})
		var list struct {
			Environments []struct {
				ID, Label, Type, Status string
				InvocableCommands       []string
			}
		}
		l.MustCall("environments.list", nil, &list)
		if len(list.Environments) != 2 || list.Environments[0].Type != "local" || list.Environments[1].ID != "node:"+n.id ||
			list.Environments[1].Label != "desk" || list.Environments[1].Status != "available" || !slices.Equal(list.Environments[1].InvocableCommands, []string{"system.which"}) {
			t.Errorf("the gateway and its node: %+v", list)
		}
	})
	t.Run("diagnostics.lanes and audit.list", func(t *testing.T) { worked(t, l) })
}

// worked looks at a run that waits and one that waits for it, and at what is told of them when they have ended.
func worked(t *testing.T, l *kerneltest.Listener) {
	var lanes struct {
		Lanes   []struct{ ActiveCount, QueuedCount, MaxConcurrent int }
		Dynamic *struct{ LaneCount, ActiveCount, QueuedCount, QueuedLaneCount int }
	}
	l.MustCall("diagnostics.lanes", nil, &lanes)
	if len(lanes.Lanes) != 1 || lanes.Lanes[0].ActiveCount != 0 || lanes.Lanes[0].MaxConcurrent != 8 || lanes.Dynamic != nil {
		t.Errorf("nothing is done: %+v", lanes)
	}
	l.Ask("quick", "hello")
	l.Send("long", "SLOW")
	l.Send("next", "hello")
	for lanes.Lanes[0].ActiveCount != 1 || lanes.Lanes[0].QueuedCount != 1 {
		l.MustCall("diagnostics.lanes", nil, &lanes)
	}
	if d := lanes.Dynamic; d == nil || d.LaneCount != 1 || d.ActiveCount != 1 || d.QueuedCount != 1 || d.QueuedLaneCount != 1 {
		t.Errorf("one session works, and has one more to do: %+v", d)
	}
	l.MustCall("chat.abort", object{"sessionKey": "main", "runId": "long"}, nil)
	l.End("next")
	var tasks struct{ Tasks []struct{ ID string } }
	l.MustCall("tasks.list", object{"sortBy": "endedAt"}, &tasks)
	if len(tasks.Tasks) != 3 || tasks.Tasks[0].ID != "next" || tasks.Tasks[2].ID != "quick" {
		t.Errorf("the last to end comes first: %+v", tasks)
	}
	var audit struct {
		Events []struct {
			RunID, Action, Status, ErrorCode string
			OccurredAt                       int64
		}
		NextCursor string
	}
	l.MustCall("audit.list", object{"limit": 4, "kind": "agent_run"}, &audit)
	if len(audit.Events) != 4 || audit.NextCursor == "" || audit.Events[0].RunID != "next" || audit.Events[0].Status != "succeeded" {
		t.Errorf("the last four of six: %+v", audit)
	}
	rest := object{"cursor": audit.NextCursor, "kind": "agent_run"}
	audit.NextCursor = ""
	l.MustCall("audit.list", rest, &audit)
	if len(audit.Events) != 2 || audit.NextCursor != "" || audit.Events[1].RunID != "quick" || audit.Events[1].Status != "started" {
		t.Errorf("the first two: %+v", audit)
	}
	l.MustCall("audit.list", object{"runId": "long", "status": "cancelled", "sessionKey": "main"}, &audit)
	if len(audit.Events) != 1 || audit.Events[0].Action != "agent.run.finished" || audit.Events[0].ErrorCode != "run_cancelled" {
		t.Errorf("what was stopped: %+v", audit)
	}
	l.MustCall("audit.list", object{"kind": "tool_action", "runId": "long"}, &audit)
	if len(audit.Events) != 0 {
		t.Errorf("calls of agents' tools are not told here: %+v", audit)
	}
}
