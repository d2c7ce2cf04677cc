// Package task shows what the agents do and did, as tasks that can be stopped: the runs of all sessions, whoever asked for
// them, and what else works in the background; and tells clients when one begins, moves on and ends. It keeps nothing in the
// store, and is safe for concurrent use.
package task

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Task is something that an agent does, did, or is to do. Times are Unix milliseconds.
type Task struct {
	// ID is the run's.
	ID string `json:"id"`
	// Kind is who asked: chat, channel, cron, heartbeat, wake, plugin, or command for a text command; or what it is: pull for a
	// model that is fetched.
	Kind   string `json:"kind"`
	Status string `json:"status" rpc:"enum=queued|running|completed|failed|cancelled|timed_out"`
	// Title is the beginning of what is asked.
	Title        string `json:"title,omitempty"`
	AgentID      string `json:"agentId,omitempty"`
	SessionKey   string `json:"sessionKey,omitempty"`
	RunID        string `json:"runId,omitempty"`
	ParentTaskID string `json:"parentTaskId,omitempty"`
	CreatedAt    int64  `json:"createdAt,omitempty"`
	UpdatedAt    int64  `json:"updatedAt,omitempty"`
	StartedAt    int64  `json:"startedAt,omitempty"`
	EndedAt      int64  `json:"endedAt,omitempty"`
	// LastToolName is the tool that was called last, of a task that goes on, and LastActivity what that says of itself.
	LastToolName string `json:"lastToolName,omitempty"`
	LastActivity string `json:"lastActivity,omitempty"`
	// Progress is how far it is, where that is known: of a run which round with the model it is in since it was taken up, what is
	// done now, and the tokens of the rounds before.
	Progress string `json:"progressSummary,omitempty"`
	// TerminalSummary is the beginning of the answer.
	TerminalSummary string `json:"terminalSummary,omitempty"`
	// Model has answered, as provider/model, and Replaced is the one that was to, where that is another one.
	Model    string `json:"model,omitempty"`
	Replaced string `json:"replaced,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Source is where tasks come from.
type Source interface {
	// Recent returns the live ones, and then those that ended, the last one first.
	Recent(ctx context.Context, limit int) ([]Task, error)
	// Find returns one. Errors: CodeNotFound.
	Find(ctx context.Context, id string) (Task, error)
	// Stop ends one and returns when it has ended, and whether it was still to be ended. Errors: CodeTimeout when that takes
	// long; it will end.
	Stop(ctx context.Context, id, reason string) (bool, error)
}

// Deps is what the service stands on.
type Deps struct {
	// Runs are what the agents do.
	Runs Source
	// Pulls are the models that are fetched; nil has none.
	Pulls Source
	// Session is a session's key as it is kept, by how a client writes it; with no key, it says whether there is an agent.
	Session func(key, agent string) (string, error)
	// Parallel is how many runs there are at once.
	Parallel int
}

// Service shows tasks.
type Service struct{ Deps }

// New returns the service.
func New(d Deps) *Service { return &Service{d} }

// source is where a task comes from. Errors: CodeNotFound.
func (s *Service) source(ctx context.Context, id string) (Source, error) {
	if s.Pulls != nil {
		if _, err := s.Pulls.Find(ctx, id); err == nil {
			return s.Pulls, nil
		}
	}
	_, err := s.Runs.Find(ctx, id)
	return s.Runs, err
}

// recent lists the live ones, and then those that ended.
func (s *Service) recent(ctx context.Context) ([]Task, error) {
	all, err := s.Runs.Recent(ctx, mostTasks)
	if err != nil || s.Pulls == nil {
		return all, err
	}
	more, err := s.Pulls.Recent(ctx, mostTasks)
	all = append(all, more...)
	slices.SortStableFunc(all, func(a, b Task) int {
		if a.EndedAt == 0 || b.EndedAt == 0 {
			return cmp.Compare(min(a.EndedAt, 1), min(b.EndedAt, 1))
		}
		return cmp.Compare(b.EndedAt, a.EndedAt)
	})
	return all, err
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "task", Events: []event.Row{ChangedKind.Row()}, Methods: []rpc.Method{
		rpc.New("tasks.list", wire.ScopeRead, s.list).Doc("Lists what the agents do, are to do and did: first what has not ended."),
		rpc.New("tasks.get", wire.ScopeRead, s.get).Fails(wire.NotFound).Doc("Returns one task."),
		rpc.New("diagnostics.lanes", wire.ScopeRead, s.lanes).Doc("Counts what is worked on and what waits."),
		rpc.New("tasks.cancel", wire.ScopeWrite, s.cancel).Fails(wire.NotFound).Doc("Stops a task that has not ended."),
	}}
}

// Statuses are one status or a list of them.
type Statuses []string

// UnmarshalJSON implements json.Unmarshaler.
func (s *Statuses) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = Statuses{one}
	} else if err := json.Unmarshal(b, (*[]string)(s)); err != nil {
		return wit.NewError(wit.CodeInvalid, "status is one or a list of queued, running, completed, failed, cancelled and timed_out")
	}
	for _, status := range *s {
		if !slices.Contains([]string{"queued", "running", "completed", "failed", "cancelled", "timed_out"}, status) {
			return wit.Errorf(wit.CodeInvalid, "status %.40q must be queued, running, completed, failed, cancelled or timed_out", status)
		}
	}
	return nil
}

// ListParams select tasks.
type ListParams struct {
	// Status is one or a list; all when left out.
	Status     Statuses `json:"status,omitzero"`
	AgentID    string   `json:"agentId,omitempty" rpc:"min=1,max=64"`
	SessionKey string   `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=500"`
	// SortBy puts the one first whose moment is the latest; without it comes first what has not ended.
	SortBy string `json:"sortBy,omitempty" rpc:"enum=updatedAt|endedAt"`
	// Cursor of an earlier answer asks for what comes after it.
	Cursor string `json:"cursor,omitempty" rpc:"min=1,max=16"`
}

// ListResult is a part of the tasks.
type ListResult struct {
	Tasks []Task `json:"tasks"`
	// NextCursor asks for more; empty where there is none.
	NextCursor string `json:"nextCursor,omitempty"`
}

// Bounds of a list.
const (
	defaultLimit = 100
	mostTasks    = 2000 // that can be listed at all
)

func (s *Service) list(ctx context.Context, p ListParams) (ListResult, error) {
	r := ListResult{Tasks: []Task{}}
	key, err := s.Session(p.SessionKey, p.AgentID)
	if err != nil {
		return r, err
	}
	skip := 0
	if p.Cursor != "" {
		if skip, err = strconv.Atoi(p.Cursor); err != nil || skip < 0 {
			return r, wit.Errorf(wit.CodeInvalid, "%q is no cursor of tasks.list", p.Cursor)
		}
	}
	if p.Limit == 0 {
		p.Limit = defaultLimit
	}
	all, err := s.recent(ctx)
	if err != nil {
		return r, err
	}
	all = slices.DeleteFunc(all, func(t Task) bool {
		return p.Status != nil && !slices.Contains(p.Status, t.Status) || p.AgentID != "" && t.AgentID != p.AgentID || p.SessionKey != "" && t.SessionKey != key
	})
	switch p.SortBy {
	case "updatedAt":
		slices.SortStableFunc(all, func(a, b Task) int { return cmp.Compare(b.UpdatedAt, a.UpdatedAt) })
	case "endedAt":
		slices.SortStableFunc(all, func(a, b Task) int { return cmp.Compare(b.EndedAt, a.EndedAt) })
	}
	all = all[min(skip, len(all)):]
	if len(all) > p.Limit {
		all, r.NextCursor = all[:p.Limit], strconv.Itoa(skip+p.Limit)
	}
	r.Tasks = append(r.Tasks, all...)
	return r, nil
}

// IDParams name a task.
type IDParams struct {
	TaskID string `json:"taskId" rpc:"required,min=1,max=256"`
}

// GetResult is one task.
type GetResult struct {
	Task Task `json:"task"`
}

func (s *Service) get(ctx context.Context, p IDParams) (GetResult, error) {
	from, err := s.source(ctx, p.TaskID)
	if err != nil {
		return GetResult{}, err
	}
	t, err := from.Find(ctx, p.TaskID)
	return GetResult{t}, err
}

// CancelParams name a task and say why it is stopped.
type CancelParams struct {
	IDParams
	Reason string `json:"reason,omitempty" rpc:"max=256"`
}

// CancelResult says whether a task was stopped.
type CancelResult struct {
	Found     bool `json:"found"`
	Cancelled bool `json:"cancelled"`
	// Reason says why it was not.
	Reason string `json:"reason,omitempty"`
	Task   *Task  `json:"task,omitempty"`
}

func (s *Service) cancel(ctx context.Context, p CancelParams) (CancelResult, error) {
	from, err := s.source(ctx, p.TaskID)
	if err != nil {
		return CancelResult{}, err
	}
	r := CancelResult{Found: true}
	if r.Cancelled, err = from.Stop(ctx, p.TaskID, p.Reason); err != nil {
		return r, err
	}
	if !r.Cancelled {
		r.Reason = "it has ended already"
	}
	t, err := from.Find(ctx, p.TaskID)
	r.Task = &t
	return r, err
}
