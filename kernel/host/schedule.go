package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Scheduler keeps the later calls of plugins; what is due goes to Registry.Fire.
type Scheduler interface {
	// Set creates or replaces a job of a plugin and returns when it is due next, in milliseconds.
	Set(ctx context.Context, plugin string, job *wit.ScheduledJob) (next int64, err error)
	// Cancel removes one; a missing one is not an error.
	Cancel(ctx context.Context, plugin, id string) error
	// Jobs lists the ids of a plugin's jobs.
	Jobs(ctx context.Context, plugin string) ([]string, error)
	// Forget removes all jobs of a plugin that is gone.
	Forget(ctx context.Context, plugin string) error
}

// schedule is a plugin's jobs, which the scheduler keeps: over restarts, upgrades and while the plugin is disabled or
// cannot be loaded, until the plugin is removed.
type schedule struct {
	plugin    string
	scheduler Scheduler // nil where there is none
	changes   *bucket
}

// Set is the guest's. Two calls at once may both get the last place: the bound is against a plugin that never stops
// setting jobs, and one more does no harm.
func (s schedule) Set(ctx context.Context, job *wit.ScheduledJob) (*wit.JobScheduled, error) {
	if err := s.admit(); err != nil {
		return nil, err
	}
	jobs, err := s.scheduler.Jobs(ctx, s.plugin)
	if err != nil {
		return nil, err
	}
	if len(jobs) >= wit.LimitScheduleJobs && !slices.Contains(jobs, job.ID) {
		return nil, wit.Errorf(wit.CodeTooLarge, "schedule: this plugin has %d jobs, which is all it may have: cancel some", len(jobs))
	}
	next, err := s.scheduler.Set(ctx, s.plugin, job)
	if err != nil {
		return nil, err
	}
	return &wit.JobScheduled{Next: &next}, nil
}

// Cancel is the guest's.
func (s schedule) Cancel(ctx context.Context, ref *wit.JobReference) (*wit.JobScheduled, error) {
	if err := s.admit(); err != nil {
		return nil, err
	}
	return &wit.JobScheduled{}, s.scheduler.Cancel(ctx, s.plugin, ref.ID)
}

// admit says whether a change may be made now, and counts it. Errors: CodeUnavailable where there is no scheduler,
// CodeRateLimited.
func (s schedule) admit() error {
	if s.scheduler == nil {
		return wit.NewError(wit.CodeUnavailable, "schedule: this gateway keeps no schedule")
	}
	if wait := s.changes.take(); wait > 0 {
		return tooOften("schedule", wait)
	}
	return nil
}
