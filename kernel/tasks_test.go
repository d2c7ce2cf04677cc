package kernel_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTasks: what the agents do and did is listed, and what has not ended can be stopped.
func TestTasks(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 4)
	slow := kerneltest.Provider("slow", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if kerneltest.Heard(c) != "wait" {
			return kerneltest.Says("done"), nil
		}
		asked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	l := kerneltest.Start(t, kerneltest.Plugin(slow)).Listen()
	l.Ask("first", "hello")
	l.Send("second", "wait")
	<-asked
	l.Send("third", "and then")
	list := func(params map[string]any) (ids string) {
		t.Helper()
		var r task.ListResult
		l.MustCall("tasks.list", params, &r)
		for _, task := range r.Tasks {
			ids += task.ID + ":" + task.Status + " "
		}
		return ids + r.NextCursor
	}
	for _, c := range []struct {
		params map[string]any
		want   string
	}{
		{nil, "second:running third:queued first:completed "},
		{map[string]any{"status": "queued"}, "third:queued "},
		{map[string]any{"status": []string{"running", "completed"}}, "second:running first:completed "},
		{map[string]any{"limit": 2}, "second:running third:queued 2"},
		{map[string]any{"limit": 2, "cursor": "2"}, "first:completed "},
		{map[string]any{"sessionKey": "other"}, ""},
		{map[string]any{"sessionKey": "main", "status": "running"}, "second:running "},
	} {
		if got := list(c.params); got != c.want {
			t.Errorf("%v: %q, want %q", c.params, got, c.want)
		}
	}
	var done task.CancelResult
	l.MustCall("tasks.cancel", map[string]any{"taskId": "third", "reason": "not needed"}, &done)
	if !done.Found || !done.Cancelled || done.Task.Status != "cancelled" {
		t.Errorf("%+v", done)
	}
	l.MustCall("tasks.cancel", map[string]any{"taskId": "second"}, &done)
	if !done.Cancelled || done.Task.Status != "cancelled" || done.Task.EndedAt == 0 || done.Task.Kind != "chat" || done.Task.Title != "wait" {
		t.Errorf("%+v %+v", done, done.Task)
	}
	l.MustCall("tasks.cancel", map[string]any{"taskId": "second"}, &done)
	if done.Cancelled || !strings.Contains(done.Reason, "ended") {
		t.Errorf("%+v", done)
	}
	var one task.GetResult
	l.MustCall("tasks.get", map[string]any{"taskId": "first"}, &one)
	if one.Task.TerminalSummary != "done" || one.Task.StartedAt == 0 {
		t.Errorf("%+v", one)
	}
	for _, bad := range []map[string]any{{"taskId": "nothing"}, {}} {
		if err := l.Call(t.Context(), "tasks.get", bad, nil); wit.CodeOf(err) != wit.CodeNotFound && wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestTasksAreTold: clients hear when a task waits, begins, moves on and ends, and who asks meanwhile is told how far it is.
func TestTasksAreTold(t *testing.T) {
	t.Parallel()
	goOn, called := make(chan struct{}), make(chan struct{})
	model := kerneltest.Provider("model", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool || kerneltest.Heard(c) != "work" {
			return kerneltest.Says("done"), nil
		}
		return &wit.ProviderAnswer{
			ToolCalls: []wit.ToolCall{{ID: "c", Name: "work", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls), Usage: &wit.Usage{Input: 30, Output: 12},
		}, nil
	})
	tool := kerneltest.Tool("work", func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
		_, err := plugintest.CallHost(ctx, "progress_report", []byte(`{"text":"half done"}`))
		close(called)
		<-goOn
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new("all done")}}}, err
	})
	k := kerneltest.Start(t, kerneltest.Plugin(model, tool))
	l, stranger := k.Listen(), k.Listen(wire.ScopePairing)
	l.Send("first", "work")
	<-called
	l.Send("second", "hello")
	want := "round 1: calls work, 42 tokens so far"
	l.Until("it is told how far the tool is", func(events []client.Event) bool {
		last := events[len(events)-1]
		return last.Name == "task" && strings.Contains(string(last.Payload), "half done")
	})
	var one task.GetResult
	l.MustCall("tasks.get", map[string]any{"taskId": "first"}, &one)
	if got := one.Task; got.Progress != want || got.LastToolName != "work" || got.LastActivity != "half done" || got.UpdatedAt < got.StartedAt {
		t.Errorf("%+v", got)
	}
	close(goOn)
	l.End("second")
	tells := func(id string) (statuses string) {
		for _, e := range l.Events() {
			var c task.Changed
			if e.Name == "task" && json.Unmarshal(e.Payload, &c) == nil && c.Task.ID == id && c.Action == "upserted" {
				if statuses += c.Task.Status + " "; c.Task.Status == "running" && c.Task.Kind != "chat" {
					t.Errorf("%+v", c)
				}
			}
		}
		return statuses
	}
	l.Until("both ends", func([]client.Event) bool {
		return strings.HasSuffix(tells("first"), "completed ") && tells("second") == "queued running completed "
	})
	if got := tells("first"); !strings.HasPrefix(got, "running ") {
		t.Errorf("%s", got)
	}
	for _, e := range stranger.Events() {
		if e.Name == "task" {
			t.Errorf("who may not read is told %s", e.Payload)
		}
	}
}

// TestWhatPagesAskFor: the machine, and the plugins as pages list them.
func TestWhatPagesAskFor(t *testing.T) {
	t.Parallel()
	l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")), kerneltest.Config(t, `{"plugins":{"chat":{"enabled":false}}}`)).Listen()
	var info system.SystemInfo
	l.MustCall("system.info", nil, &info)
	if info.PID == 0 || info.CPUCount == 0 || info.Platform == "" || info.Version == "" {
		t.Errorf("%+v", info)
	}
	var list system.PluginList
	l.MustCall("plugins.list", nil, &list)
	if len(list.Plugins) != 2 || list.Plugins[0].ID != "chat" || list.Plugins[0].State != "disabled" || list.Plugins[0].Enabled ||
		list.Plugins[1].State != "enabled" || list.Plugins[1].Kind[0] != "provider" {
		t.Errorf("%+v", list)
	}
}
