// Package pull has providers fetch models to where they run them, and tells how far they are.
//
// What is fetched is a task, which goes on when the client that asked for it has gone, and can be stopped. Nothing of it is kept:
// it ends with the gateway, and is known for a while after its end. A model is fetched once at a time, whoever asks for it.
// Everything is safe for concurrent use.
package pull

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on.
type Deps struct {
	Bus    *event.Bus
	Models *agent.Models
	// Board is told of what is fetched.
	Board *task.Board
	// Redact takes secrets out of what providers say.
	Redact func(string) string
	Log    hclog.Logger
}

// Bounds of the service.
const (
	atOnce = 8
	kept   = 20 // that have ended
)

// Progress says how far a model is that is fetched.
type Progress struct {
	TaskID string `json:"taskId"`
	// Model is provider/model.
	Model  string `json:"model"`
	Status string `json:"status" rpc:"enum=running|completed|failed|cancelled"`
	// Step is what is done now, in the provider's words.
	Step string `json:"step,omitempty"`
	// Completed and Total are bytes of this step; Total is absent where it is not known.
	Completed uint64 `json:"completed,omitempty"`
	Total     uint64 `json:"total,omitempty"`
	Error     string `json:"error,omitempty"`
}

// The kinds of events; ends bear the same name, and reach also a client that lags.
var (
	ProgressKind = event.Kind[Progress]{Name: "models.pull.progress", Scope: wire.ScopeRead, DropIfSlow: true}
	endKind      = event.Kind[Progress]{Name: ProgressKind.Name, Scope: ProgressKind.Scope}
)

// Service has models fetched.
type Service struct {
	Deps
	ctx  context.Context // of all that is fetched
	stop context.CancelCauseFunc

	mu   sync.Mutex
	busy sync.WaitGroup
	jobs []*job // the last one last
}

// job is a model that is fetched. Its fields are the service's mutex's; done is closed with its end.
type job struct {
	Progress
	began, changed, ended time.Time
	cancel                context.CancelCauseFunc
	done                  chan struct{}
	err                   error
}

// errStopped is the cause of an end that somebody asked for.
var errStopped = errors.New("it was stopped")

// New returns a service that fetches nothing yet.
func New(d Deps) *Service {
	d.Log = d.Log.Named("pull")
	s := &Service{Deps: d}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	return s
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "pull", Run: s.run, Events: []event.Row{ProgressKind.Row()},
		Methods: []rpc.Method{
			rpc.NewTwoPhase("models.pull", wire.ScopeAdmin, s.pull).Audited().Fails(wire.ForeignErrors()...).Emits(ProgressKind.Name).
				Doc("Has a provider fetch a model to where it runs it: answers at once, and again when it is there. It goes on without who asked."),
		},
	}
}

// run ends what is fetched when ctx ends.
func (s *Service) run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock() // nothing begins any more
	s.stop(errStopped)
	s.mu.Unlock()
	s.busy.Wait()
	return nil
}

// Params name a model.
type Params struct {
	// Model is provider/model, an alias, or a model of the provider that is set up and fetches models.
	Model string `json:"model" rpc:"required,min=1,max=200"`
}

// Started is the early answer.
type Started struct {
	// TaskID is what tasks.cancel stops it by.
	TaskID string `json:"taskId"`
	Model  string `json:"model"`
	Status string `json:"status" rpc:"enum=accepted"`
}

// Result is what has been fetched.
type Result struct {
	TaskID string `json:"taskId"`
	Model  string `json:"model"`
}

func (s *Service) pull(ctx context.Context, p Params, accept func(Started)) (Result, error) {
	found, err := s.Models.Pull(ctx, strings.TrimSpace(p.Model))
	if err != nil {
		return Result{}, err
	}
	j, err := s.begin(found)
	if err != nil {
		return Result{}, err
	}
	r := Result{TaskID: j.TaskID, Model: j.Model}
	accept(Started{j.TaskID, j.Model, "accepted"})
	select {
	case <-j.done:
		return r, j.err
	case <-ctx.Done():
		return r, wit.Errorf(wit.CodeTimeout, "nobody waits for %s any more: %w", j.Model, context.Cause(ctx))
	}
}

// begin has a model fetched, unless it is already.
func (s *Service) begin(found *agent.Pull) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := 0
	for _, j := range s.jobs {
		if j.Status == "running" {
			live++
			if j.Model == found.Model {
				return j, nil
			}
		}
	}
	switch {
	case s.ctx.Err() != nil:
		return nil, wit.NewError(wit.CodeUnavailable, "the gateway stops")
	case live == atOnce:
		return nil, wit.Errorf(wit.CodeConflict, "%d models are fetched already: wait for one, or stop it", live)
	}
	now := time.Now()
	j := &job{Progress: Progress{TaskID: "pull-" + strings.ToLower(rand.Text()), Model: found.Model, Status: "running"}, began: now, changed: now, done: make(chan struct{})}
	var ctx context.Context
	ctx, j.cancel = context.WithCancelCause(s.ctx)
	s.jobs = append(s.jobs, j)
	s.busy.Go(func() { s.fetch(ctx, j, found) })
	return j, nil
}

// fetch has a model fetched, and tells of it.
func (s *Service) fetch(ctx context.Context, j *job, found *agent.Pull) {
	defer j.cancel(nil)
	s.Log.Info("a model is fetched", "model", j.Model, "task", j.TaskID)
	s.mu.Lock()
	live := s.Board.Begin(j.task())
	s.mu.Unlock()
	err := found.Run(ctx, func(p wit.PullProgress) {
		s.mu.Lock()
		j.Step, j.Completed, j.Total, j.changed = s.Redact(p.Step), p.Completed, p.Total, time.Now()
		told, seen := j.Progress, j.task()
		s.mu.Unlock()
		ProgressKind.Publish(s.Bus, told)
		live.Move(func(t *task.Task) { *t = seen })
	})
	s.mu.Lock()
	j.Status, j.ended = "completed", time.Now()
	switch {
	case err != nil && ctx.Err() != nil:
		j.Status, j.err = "cancelled", wit.Errorf(wit.CodeConflict, "%s is fetched no more: %w", j.Model, context.Cause(ctx))
	case err != nil:
		j.Status, j.err = "failed", err
	}
	if j.err != nil {
		j.Error = s.Redact(j.err.Error())
	}
	j.changed = j.ended
	s.forget()
	told, seen := j.Progress, j.task()
	s.mu.Unlock()
	endKind.Publish(s.Bus, told)
	live.End(seen)
	close(j.done)
}

// forget drops the first of those that have ended, where there are many. The caller holds mu.
func (s *Service) forget() {
	ended := 0
	for _, j := range slices.Backward(s.jobs) {
		if j.Status != "running" {
			if ended++; ended > kept {
				s.jobs = slices.DeleteFunc(s.jobs, func(o *job) bool { return o == j })
				return
			}
		}
	}
}
