// Package schedule runs jobs at their times: once, every so often, or by a cron expression in a time
// zone. Jobs and the history of their runs are in the store.
//
// A job belongs to an owner: "kernel", "cron" (the jobs of clients) or "plugin:<id>". The part before
// the colon is the owner's kind, and each kind has one Handler, which runs its jobs.
//
// A due time is fired once, through crashes and restarts. It is claimed in a transaction, which also
// sets the next due time, before the handler is called; what was missed while the gateway was down or
// asleep runs once when it is back, however many times were missed. A run that a crash or a shutdown
// interrupts is called again with the same Key if its handler is Resumable, and else recorded as an
// error. A due time that comes while the job still runs is recorded as skipped. Reading changes nothing.
//
// Everything is safe for concurrent use. Changes are reported to Handler.Changed in the order in which
// they were committed.
package schedule

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is kept.
const (
	MaxJobs    = 1000 // per owner
	MaxRuns    = 200  // history per job
	MaxName    = 256
	MaxPayload = 64 << 10
	maxSummary = 4 << 10
	// maxAttempts is how often an interrupted run is called, the first time included.
	maxAttempts = 3
)

// Owner is whose jobs they are: a kind, or a kind and an id after a colon.
type Owner string

// Kind is the part that selects the handler.
func (o Owner) Kind() string {
	kind, _, _ := strings.Cut(string(o), ":")
	return kind
}

// Status says how a run ended.
type Status string

// The ways in which a run ends.
const (
	OK      Status = "ok"
	Failed  Status = "error"
	Skipped Status = "skipped"
)

// Job is something to be done at its times. All times are Unix milliseconds, 0 is none.
type Job struct {
	ID      string `json:"id"`
	Owner   Owner  `json:"owner"`
	Name    string `json:"name,omitempty"`
	Enabled bool   `json:"enabled"`
	Spec    Spec   `json:"spec"`
	// Payload is the handler's.
	Payload json.RawMessage `json:"payload,omitempty"`
	// DeleteAfterRun removes a one-shot once it has run well.
	DeleteAfterRun bool  `json:"deleteAfterRun,omitempty"`
	CreatedAt      int64 `json:"createdAt"`
	UpdatedAt      int64 `json:"updatedAt"`
	State          State `json:"state"`
}

// State is what the scheduler knows about a job; only it changes it.
type State struct {
	NextRunAt    int64  `json:"nextRunAt,omitempty"`
	RunningAt    int64  `json:"runningAt,omitempty"`
	LastRunAt    int64  `json:"lastRunAt,omitempty"`
	LastStatus   Status `json:"lastStatus,omitempty"`
	LastError    string `json:"lastError,omitempty"`
	LastDuration int64  `json:"lastDuration,omitempty"`
	// LastDue is the latest due time that was claimed.
	LastDue int64 `json:"lastDue,omitempty"`
	// Firing is the run that is going on, or was when the gateway stopped.
	Firing *Firing `json:"firing,omitempty"`
	// Runs counts the records of history ever written.
	Runs uint64 `json:"runs,omitempty"`
}

// Firing is one call of a handler.
type Firing struct {
	Job Job `json:"-"`
	// Due is the time for which it is called.
	Due int64 `json:"due"`
	// Key is the same for each call for one due time, and for no other: the idempotency key of what
	// the handler starts.
	Key string `json:"key"`
	// Attempt is 1, and more for a run that was interrupted.
	Attempt int `json:"attempt"`
	// Forced is a run out of turn.
	Forced bool `json:"forced,omitempty"`
}

// Run is a record of history.
type Run struct {
	Due       int64  `json:"due"`
	StartedAt int64  `json:"startedAt"`
	Duration  int64  `json:"duration"`
	Status    Status `json:"status"`
	Error     string `json:"error,omitempty"`
	Summary   string `json:"summary,omitempty"`
	NextRunAt int64  `json:"nextRunAt,omitempty"`
	Key       string `json:"key"`
	Forced    bool   `json:"forced,omitempty"`
}

// Action says what happened to a job.
type Action string

// What can happen to a job.
const (
	Added    Action = "added"
	Updated  Action = "updated"
	Removed  Action = "removed"
	Started  Action = "started"
	Finished Action = "finished"
)

// Change is news about a job, as it is after the change. Run is set when it started (as far as it is
// known then) or finished.
type Change struct {
	Action Action
	Job    Job
	Run    *Run
}

// Handler runs the jobs of a kind of owner.
type Handler struct {
	// Fire does the work. The summary goes into the history. It must end soon after ctx does.
	Fire func(ctx context.Context, f Firing) (summary string, err error)
	// Resumable says that calling Fire again with the same Key does nothing twice.
	Resumable bool
	// Parallel is how many jobs of the kind run at a time; 0 is 4.
	Parallel int
	// Changed, if set, is told what happens to the kind's jobs. It must return at once and must not
	// call the scheduler.
	Changed func(Change)
}

// Deps is what a scheduler needs.
type Deps struct {
	Store store.Store
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// Zone is where cron expressions without a zone are; nil is time.Local.
	Zone *time.Location
	// Logger may be nil.
	Logger hclog.Logger
}

// Scheduler keeps the jobs and runs them while Run does.
type Scheduler struct {
	store store.Store
	now   func() time.Time
	zone  *time.Location
	log   hclog.Logger
	wake  chan struct{}

	changing sync.Mutex // held over a commit and its report, so that reports keep the order of commits

	mu       sync.Mutex
	handlers map[string]Handler
	busy     map[string]int
	running  map[string]chan Run // by job key, gets the run's record
	work     context.Context     // the handlers', nil while Run does not
	wait     sync.WaitGroup
}

// New returns a scheduler over the jobs in the store.
func New(d Deps) *Scheduler {
	s := &Scheduler{
		store: d.Store, now: d.Now, zone: d.Zone, log: d.Logger,
		wake: make(chan struct{}, 1), handlers: map[string]Handler{}, busy: map[string]int{}, running: map[string]chan Run{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.zone == nil {
		s.zone = time.Local
	}
	if s.log == nil {
		s.log = hclog.NewNullLogger()
	}
	return s
}

// Handle registers the handler of a kind ("kernel", "cron", "plugin"). It must come before Run.
func (s *Scheduler) Handle(kind string, h Handler) {
	if h.Parallel <= 0 {
		h.Parallel = 4
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[kind] = h
}

func (s *Scheduler) handler(kind string) Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handlers[kind]
}

func (s *Scheduler) millis() int64 { return s.now().UnixMilli() }

// nudge makes Run look at the jobs again.
func (s *Scheduler) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// change commits fn and reports what it returns.
func (s *Scheduler) change(ctx context.Context, fn func(store.Tx) ([]Change, error)) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	var changes []Change
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		changes, err = fn(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		if h := s.handler(c.Job.Owner.Kind()); h.Changed != nil {
			h.Changed(c)
		}
	}
	return nil
}

func errNoJob(owner Owner, id string) error {
	return wit.Errorf(wit.CodeNotFound, "there is no job %q of %s: list the jobs", id, owner)
}
