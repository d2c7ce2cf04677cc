package kernel

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/pull"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/wit"
)

func (w *wiring) task() func() service.Service {
	d := task.Deps{Runs: tasks{w.runs, w.board}, Session: w.sessionKey, Parallel: cmp.Or(w.start.Agent.MaxConcurrent, run.DefaultParallel)}
	if w.pulls != nil {
		d.Pulls = w.pulls
	}
	return task.New(d).Service
}

func (w *wiring) pull() func() service.Service {
	w.pulls = pull.New(pull.Deps{Bus: w.bus, Models: w.models, Board: w.board, Redact: w.state.vault.Redact, Log: w.log})
	return w.pulls.Service
}

// tasks is task's view of run.
type tasks struct {
	runs  *run.Service
	board *task.Board
}

func (t tasks) Recent(ctx context.Context, limit int) ([]task.Task, error) {
	runs, err := t.runs.Recent(ctx, limit)
	list := make([]task.Task, 0, len(runs))
	for _, r := range runs {
		list = append(list, t.board.With(taskOf(r)))
	}
	return list, err
}

func (t tasks) Find(ctx context.Context, id string) (task.Task, error) {
	r, err := t.runs.Find(ctx, id)
	if err != nil {
		return task.Task{}, err
	}
	return t.board.With(taskOf(r)), nil
}

func (t tasks) Stop(ctx context.Context, id, reason string) (bool, error) {
	r, err := t.runs.Find(ctx, id)
	if err != nil || !r.State.Live() {
		return false, err
	}
	stopped, err := t.runs.Stop(ctx, run.Selection{Session: r.Session, ID: id}, cmp.Or(reason, "cancelled"))
	return len(stopped) > 0, err
}

// briefTask is how long the texts of a task are, in bytes.
const briefTask = 120

// taskOf is a run as clients see a task.
func taskOf(r run.Run) task.Task {
	t := task.Task{
		ID: r.ID, RunID: r.ID, Kind: askedBy(r), Title: message.Clip(r.Text, briefTask), AgentID: r.Session.Agent(), SessionKey: string(r.Session),
		ParentTaskID: r.Parent, CreatedAt: r.Queued, StartedAt: r.Started, EndedAt: r.Ended, UpdatedAt: max(r.Queued, r.Started, r.Ended),
		TerminalSummary: message.Clip(r.Answer, briefTask), Model: session.ModelName(r.Provider, r.Used), Replaced: r.Replaced,
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

// waits tells clients of a run that is queued, unless it has begun since.
func (w *wiring) waits(id string) {
	w.board.Wait(func() (task.Task, bool) {
		r, err := w.runs.Find(context.Background(), id)
		return taskOf(r), err == nil && r.State == run.Queued
	})
}

// taskObserver has the board know what runs do.
type taskObserver struct {
	agent.Observer
	board *task.Board
}

// Begin implements agent.Observer.
func (o taskObserver) Begin(r run.Run, verbose bool) agent.Reporter {
	reporter := o.Observer.Begin(r, verbose)
	return &taskReporter{Reporter: reporter, live: o.board.Begin(taskOf(r)), round: 1}
}

// Ended implements agent.Observer.
func (o taskObserver) Ended(r run.Run, said ...session.Message) {
	o.Observer.Ended(r, said...)
	o.board.End(taskOf(r))
}

// taskReporter has the board know how far a run is.
type taskReporter struct {
	agent.Reporter
	live   *task.Live
	round  int           // with the model
	over   bool          // the model has asked for tools in this round, so the next one begins with its next message
	tokens uint64        // of the rounds that are over
	doing  wit.DeltaKind // what the model says now; none while nothing was heard of it
}

// Said implements agent.Reporter.
func (t *taskReporter) Said(m session.Message) {
	t.Reporter.Said(m)
	if m.Role != wit.RoleAssistant {
		return
	}
	t.over = true
	if u := m.Usage; u != nil {
		t.tokens += u.Input + u.Output + u.CacheRead + u.CacheWrite
	}
}

// Message implements agent.Reporter.
func (t *taskReporter) Message() {
	t.Reporter.Message()
	if t.over {
		t.round++
	}
	t.over, t.doing = false, ""
	t.move("waits for the model", "")
}

// Delta implements agent.Reporter. What is the same as before costs a comparison.
func (t *taskReporter) Delta(d wit.Delta) {
	t.Reporter.Delta(d)
	if d.Kind == t.doing {
		return
	}
	t.doing = d.Kind
	if d.Kind == wit.DeltaKindThinking {
		t.move("thinks", "")
	} else {
		t.move("writes", "")
	}
}

// Calling implements agent.Reporter.
func (t *taskReporter) Calling(c wit.ToolCall) {
	t.Reporter.Calling(c)
	t.move("calls "+c.Name, c.Name)
}

// Progress implements agent.Reporter.
func (t *taskReporter) Progress(c wit.ToolCall, text string) {
	t.Reporter.Progress(c, text)
	t.live.Move(func(k *task.Task) { k.LastActivity = message.Clip(text, briefTask) })
}

// Retrying implements agent.Reporter.
func (t *taskReporter) Retrying(r agent.Retry) {
	t.Reporter.Retrying(r)
	t.move(fmt.Sprintf("asks again after %d failures", r.Attempt), "")
}

// Ended implements agent.Reporter.
func (t *taskReporter) Ended(e agent.End) {
	t.Reporter.Ended(e)
	t.live.End(taskOf(e.Run))
}

// Close implements agent.Reporter.
func (t *taskReporter) Close() {
	t.Reporter.Close()
	t.live.Close()
}

// move says what is done now, and by which tool where it is one.
func (t *taskReporter) move(doing, tool string) {
	far := fmt.Sprintf("round %d: %s", t.round, doing)
	if t.tokens > 0 {
		far += fmt.Sprintf(", %d tokens so far", t.tokens)
	}
	t.live.Move(func(k *task.Task) {
		k.Progress, k.LastActivity, k.LastToolName = far, "", cmp.Or(tool, k.LastToolName)
	})
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
