package wizard

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds: how many wizards there are, of which the one that was left longest gives way, and how long one lives without an answer.
const (
	most = 16
	life = 30 * time.Minute
)

// Service leads through wizards.
type Service struct {
	gateway Gateway
	mu      sync.Mutex
	all     map[string]*wizard
}

// New returns the service; it starts nothing.
func New(g Gateway) *Service { return &Service{gateway: g, all: map[string]*wizard{}} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "wizard", Methods: []rpc.Method{
		rpc.New("wizard.start", wire.ScopeAdmin, s.start).Audited().Doc("Begins a guided setup, and returns its first step."),
		rpc.New("wizard.next", wire.ScopeAdmin, s.next).Audited().Fails(unknownWizard, wire.Conflict).
			Doc("Answers a step of a guided setup, and returns the next one."),
		rpc.New("wizard.cancel", wire.ScopeAdmin, s.cancel).Audited().Fails(unknownWizard).
			Doc("Leaves a guided setup; what was set up by then stays."),
		rpc.New("wizard.status", wire.ScopeAdmin, s.status).Fails(unknownWizard).Doc("Tells whether a guided setup goes on."),
	}}
}

// wizard is one that goes on.
type wizard struct {
	working sync.Mutex // held while an answer is acted on
	walk    walk
	now     *asked
	steps   int
	used    time.Time // of Service.mu
}

// StartParams say what is to be set up.
type StartParams struct {
	// Flow is setup (the default), which is a first run, or channels, which connects a chat account: of Channel, if it is given.
	Flow    string `json:"flow,omitempty" rpc:"enum=setup|channels"`
	Channel string `json:"channel,omitempty" rpc:"min=1,max=64"`
	// Mode, Workspace and InstallDaemon are accepted and change nothing: the gateway runs already, and agents have no folders.
	Mode          string `json:"mode,omitempty" rpc:"enum=local|remote"`
	Workspace     string `json:"workspace,omitempty"`
	InstallDaemon bool   `json:"installDaemon,omitempty"`
}

// StartResult is a wizard with its first step.
type StartResult struct {
	SessionID string `json:"sessionId"`
	Result
}

// Result is where a wizard stands.
type Result struct {
	Done bool  `json:"done"`
	Step *Step `json:"step,omitempty"`
	// Status is running or done.
	Status string `json:"status"`
	// Error says what is wrong with the answer: Step is the same once more.
	Error string `json:"error,omitempty"`
	// Channels and Accounts are what was connected, when it is done.
	Channels []string  `json:"channels,omitempty"`
	Accounts []Account `json:"accounts,omitempty"`
}

// Account is one that was connected.
type Account struct {
	Channel   string `json:"channel"`
	AccountID string `json:"accountId"`
}

func (s *Service) start(ctx context.Context, p StartParams) (StartResult, error) {
	w := &wizard{walk: walk{gateway: s.gateway}}
	first, err := w.walk.begin, error(nil)
	if p.Flow == "channels" {
		first = func(ctx context.Context) (*asked, error) { return w.walk.channel(ctx, p.Channel) }
	}
	if w.now, err = first(ctx); err != nil {
		return StartResult{}, err
	}
	id := uuid.NewString()
	s.keep(id, w)
	return StartResult{id, s.result(id, w, "")}, nil
}

// keep adds a wizard. Those that are over, and the one that was left longest where there are too many, are forgotten.
func (s *Service) keep(id string, w *wizard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := ""
	for other, o := range s.all {
		switch {
		case time.Since(o.used) > life:
			delete(s.all, other)
		case oldest == "" || o.used.Before(s.all[oldest].used):
			oldest = other
		}
	}
	if len(s.all) >= most {
		delete(s.all, oldest)
	}
	w.used = time.Now()
	s.all[id] = w
}

// unknownWizard is why a method has no guided setup of this id.
const unknownWizard = "WIZARD_NOT_FOUND"

// find is the wizard of an id. Errors: CodeNotFound.
func (s *Service) find(id string) (*wizard, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.all[id]
	if w == nil || time.Since(w.used) > life {
		delete(s.all, id)
		err := wit.NewError(wit.CodeNotFound, "wizard not found: it is over, or was left for too long; begin a new one")
		return nil, rpc.WithDetails(err, map[string]string{"code": unknownWizard})
	}
	w.used = time.Now()
	return w, nil
}

func (s *Service) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// result is where a wizard stands. One that has no step any more is done, and forgotten.
func (s *Service) result(id string, w *wizard, fault string) Result {
	if w.now == nil {
		s.forget(id)
		r := Result{Done: true, Status: "done", Accounts: w.walk.accounts}
		for _, a := range w.walk.accounts {
			r.Channels = append(r.Channels, a.Channel)
		}
		return r
	}
	step := w.now.step
	step.ID, step.Executor = "step-"+strconv.Itoa(w.steps), "client"
	return Result{Step: &step, Status: "running", Error: fault}
}

// NextParams answer a step; without an answer it is told once more.
type NextParams struct {
	SessionID string  `json:"sessionId" rpc:"required,min=1,max=64"`
	Answer    *Answer `json:"answer,omitempty"`
}

// Answer is one to a step: a text, true or false, or what an option has as its value.
type Answer struct {
	StepID string `json:"stepId" rpc:"required,min=1,max=64"`
	Value  any    `json:"value,omitempty"`
}

func (s *Service) next(ctx context.Context, p NextParams) (Result, error) {
	w, err := s.find(p.SessionID)
	if err != nil {
		return Result{}, err
	}
	if !w.working.TryLock() {
		return Result{}, wit.NewError(wit.CodeConflict, "the wizard is still at work with the last answer: wait for it")
	}
	defer w.working.Unlock()
	if p.Answer == nil || w.now == nil {
		return s.result(p.SessionID, w, ""), nil
	}
	if want := "step-" + strconv.Itoa(w.steps); p.Answer.StepID != want {
		return Result{}, wit.Errorf(wit.CodeConflict, "the wizard is at %s, not at %.64q: ask for it once more", want, p.Answer.StepID)
	}
	then, err := w.now.then(ctx, p.Answer.Value)
	if wit.CodeOf(err) == wit.CodeInvalid {
		return s.result(p.SessionID, w, wit.AsError(err).Message), nil
	}
	if err != nil {
		return Result{}, err
	}
	w.now, w.steps = then, w.steps+1
	return s.result(p.SessionID, w, ""), nil
}

// IDParams name a wizard.
type IDParams struct {
	SessionID string `json:"sessionId" rpc:"required,min=1,max=64"`
}

// StatusResult says whether a wizard goes on.
type StatusResult struct {
	// Status is running, done or cancelled.
	Status string `json:"status"`
}

func (s *Service) cancel(_ context.Context, p IDParams) (StatusResult, error) {
	if _, err := s.find(p.SessionID); err != nil {
		return StatusResult{}, err
	}
	s.forget(p.SessionID)
	return StatusResult{"cancelled"}, nil
}

func (s *Service) status(_ context.Context, p IDParams) (StatusResult, error) {
	if _, err := s.find(p.SessionID); err != nil {
		return StatusResult{}, err
	}
	return StatusResult{"running"}, nil
}
