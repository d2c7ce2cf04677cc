package kernel

import (
	"cmp"
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/pull"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

func (w *wiring) task() func() service.Service {
	d := task.Deps{Runs: tasks{w.runs}, Session: w.sessionKey, Parallel: cmp.Or(w.start.Agent.MaxConcurrent, run.DefaultParallel)}
	if w.pulls != nil {
		d.Pulls = w.pulls
	}
	return task.New(d).Service
}

func (w *wiring) pull() func() service.Service {
	w.pulls = pull.New(pull.Deps{Bus: w.bus, Models: w.models, Redact: w.state.vault.Redact, Log: w.log})
	return w.pulls.Service
}

// tasks is task's view of run.
type tasks struct{ runs *run.Service }

func (t tasks) Recent(ctx context.Context, limit int) ([]task.Task, error) {
	runs, err := t.runs.Recent(ctx, limit)
	list := make([]task.Task, 0, len(runs))
	for _, r := range runs {
		list = append(list, taskOf(r))
	}
	return list, err
}

func (t tasks) Find(ctx context.Context, id string) (task.Task, error) {
	r, err := t.runs.Find(ctx, id)
	if err != nil {
		return task.Task{}, err
	}
	return taskOf(r), nil
}

func (t tasks) Stop(ctx context.Context, id, reason string) (bool, error) {
	r, err := t.runs.Find(ctx, id)
	if err != nil || !r.State.Live() {
		return false, err
	}
	stopped, err := t.runs.Stop(ctx, run.Selection{Session: r.Session, ID: id}, cmp.Or(reason, "cancelled"))
	return len(stopped) > 0, err
}

// taskOf is a run as clients see a task.
func taskOf(r run.Run) task.Task {
	const brief = 120
	t := task.Task{
		ID: r.ID, RunID: r.ID, Kind: askedBy(r), Title: message.Clip(r.Text, brief), AgentID: r.Session.Agent(), SessionKey: string(r.Session),
		ParentTaskID: r.Parent, CreatedAt: r.Queued, StartedAt: r.Started, EndedAt: r.Ended, UpdatedAt: max(r.Queued, r.Started, r.Ended),
		LastToolName: r.Calling, TerminalSummary: message.Clip(r.Answer, brief), Model: session.ModelName(r.Provider, r.Used), Replaced: r.Replaced,
	}
	switch r.State {
	case run.Queued, run.Running:
		t.Status = string(r.State)
	case run.Done:
		t.Status = "completed"
	case run.Aborted:
		t.Status = "cancelled"
		if r.Stop == run.TimedOut {
			t.Status = "timed_out"
		}
	default:
		t.Status = "failed"
		if err := r.Failure(); err != nil {
			t.Error = err.Error()
		}
	}
	return t
}

// askedBy is who asked for a run.
func askedBy(r run.Run) string {
	if r.Command != "" {
		return "command"
	}
	for source, kind := range map[run.Source]string{
		run.FromChannel: "channel", run.FromCron: "cron", run.FromHeartbeat: "heartbeat", run.FromWake: "wake", run.FromPlugin: "plugin",
	} {
		if strings.HasPrefix(r.ID, string(source)) {
			return kind
		}
	}
	return "chat"
}
