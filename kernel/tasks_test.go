package kernel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/task"
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
