package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

func (g *Guest) scheduleSet(ctx context.Context, job *wit.ScheduledJob) (*wit.JobScheduled, error) {
	s, err := g.scheduler()
	if err != nil {
		return nil, err
	}
	jobs, err := s.Jobs(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	if len(jobs) >= wit.LimitScheduleJobs && !slices.Contains(jobs, job.ID) {
		return nil, wit.Errorf(wit.CodeTooLarge, "schedule: this plugin has %d jobs, which is all it may have: cancel some", len(jobs))
	}
	next, err := s.Set(ctx, g.ID, job)
	if err != nil {
		return nil, err
	}
	return &wit.JobScheduled{Next: &next}, nil
}

func (g *Guest) scheduleCancel(ctx context.Context, ref *wit.JobReference) (*wit.JobScheduled, error) {
	s, err := g.scheduler()
	if err != nil {
		return nil, err
	}
	return &wit.JobScheduled{}, s.Cancel(ctx, g.ID, ref.ID)
}

func (g *Guest) scheduler() (Scheduler, error) {
	if g.host.deps.Schedule == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "schedule: this gateway keeps no schedule")
	}
	return g.host.deps.Schedule, nil
}
