// Package schedule runs jobs at their times: once, every so often, or by a cron expression in a time
// zone. Jobs and the history of their runs are in the store.
//
// A job belongs to an owner: "kernel", "cron" (the jobs of clients) or "plugin:<id>". The part before
// the colon is the owner's kind, and each kind has one Handler, which runs its jobs.
//
// A due time is fired once, through crashes and restarts, and in one of the gateways that share a store. A gateway
// claims the job, and takes its due time in a transaction, which also sets the next one, before the handler is called;
// it keeps the claim until the end is recorded. The others pass the job over, and find its due time taken when they look
// again. A run whose claim is lost ends as in a crash. What was missed while the gateway was down or
// asleep runs once when it is back, however many times were missed, and a due time that comes while the job still runs is
// recorded as skipped, unless the job's Policy says otherwise. A run that was interrupted is found at the
// next start, or by another gateway within a minute or so; it is called again with the same Key if its handler is
// Resumable, and else recorded as an error. Reading changes nothing. A
// job whose record is damaged is logged and left out, as if there were none, until it is removed or set anew.
//
// Everything is safe for concurrent use. Changes are reported to Handler.Changed in the order in which
// they were committed.
package schedule

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Deps is what a scheduler needs.
type Deps struct {
	Store store.Store
	// Claims are of those who share the store.
	Claims claim.Claims
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// Zone is where cron expressions without a zone are; nil is time.Local.
	Zone *time.Location
	// Logger may be nil.
	Logger hclog.Logger
}

// Scheduler keeps the jobs and runs them while Run does. It has no state of its own: records are the jobs,
// handlers who runs them, life the time of Run, runner their runs and loop the timer that starts them.
type Scheduler struct {
	records  *records
	handlers *handlers
	plans    planner
	life     *lifetime
	runner   *runner
	loop     *loop
	wake     signal // a job has changed
}

// New returns a scheduler over the jobs in the store.
func New(d Deps) *Scheduler {
	if d.Logger == nil {
		d.Logger = hclog.NewNullLogger()
	}
	table, plans, life, wake := newHandlers(), newPlanner(d.Now, d.Zone), &lifetime{}, newSignal()
	kept := &records{store: d.Store, handlers: table, skips: store.NewSkips(d.Logger)}
	runner := &runner{records: kept, handlers: table, claims: d.Claims, plans: plans, life: life, ended: wake, log: d.Logger}
	return &Scheduler{
		records: kept, handlers: table, plans: plans, life: life, runner: runner, wake: wake,
		loop: &loop{records: kept, handlers: table, plans: plans, runner: runner, wake: wake, log: d.Logger},
	}
}

// Handle registers the handler of a kind ("kernel", "cron", "plugin"). It must come before Run.
func (s *Scheduler) Handle(kind string, h Handler) { s.handlers.set(kind, h) }

// Run runs jobs until ctx ends and every handler has returned. First it deals with what the last run left:
// interrupted jobs, then missed ones; while the store fails it tries that again. It is called once. Errors:
// CodeConflict if it is running already.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.life.begin(ctx); err != nil {
		return err
	}
	defer s.life.end()
	var left []Job
	err := s.loop.insist(ctx, func(ctx context.Context) (err error) {
		left, err = s.records.reorder(ctx, s.loop.unplanned)
		return err
	})
	if err == nil {
		err = s.loop.insist(ctx, func(ctx context.Context) error { return s.loop.mend(ctx, left) })
	}
	if ctx.Err() != nil {
		return nil // the rest is dealt with at the next start
	}
	if err != nil {
		return err
	}
	s.loop.run(ctx)
	return nil
}

// Mode says when Start runs a job.
type Mode string

// The modes of Start.
const (
	Due   Mode = "due"   // only if its time has come
	Force Mode = "force" // in any case, also if it is disabled
)

// Start runs a job now. It returns the run's key and a channel that gets its record when it is done, or nil if the
// job was not due. The job goes on when ctx ends, and nobody has to wait for the record.
//
// Errors: CodeNotFound; CodeConflict if it is running already, also in another gateway; CodeUnavailable if the
// scheduler is not, or when nobody can be asked for the claim.
func (s *Scheduler) Start(ctx context.Context, owner Owner, id string, mode Mode) (key string, done <-chan Run, err error) {
	work, leave, err := s.life.join() // Run must not end between here and the handler's start
	if err != nil {
		return "", nil, err
	}
	defer leave()
	return s.runner.start(ctx, work, owner, id, mode == Force)
}
