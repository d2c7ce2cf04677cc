package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	maxJobs       = 100
	maxJobID      = 128
	maxJobPayload = 64 << 10
	minEvery      = 1000 // ms
)

func (g *Guest) scheduleSet(ctx context.Context, job *wit.ScheduledJob) (*wit.JobScheduled, error) {
	if err := checkJob(job); err != nil {
		return nil, err
	}
	s, err := g.scheduler()
	if err != nil {
		return nil, err
	}
	jobs, err := s.Jobs(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	if len(jobs) >= maxJobs && !slices.Contains(jobs, job.ID) {
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

func checkJob(job *wit.ScheduledJob) error {
	kinds := 0
	for _, set := range []bool{job.At != nil, job.Every != nil, job.Cron != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case job.ID == "" || len(job.ID) > maxJobID:
		return wit.Errorf(wit.CodeInvalid, "schedule: a job's id has 1 to %d bytes", maxJobID)
	case kinds != 1:
		return wit.Errorf(wit.CodeInvalid, "schedule: job %q: give one of at, every and cron", job.ID)
	case job.Every != nil && *job.Every < minEvery:
		return wit.Errorf(wit.CodeInvalid, "schedule: job %q: every is at least %d ms", job.ID, minEvery)
	case len(job.Payload) > maxJobPayload:
		return wit.Errorf(wit.CodeTooLarge, "schedule: job %q: the payload has more than %d bytes", job.ID, maxJobPayload)
	}
	return nil
}
