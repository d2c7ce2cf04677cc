package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/wit"
)

// Recent implements task.Source.
func (s *Service) Recent(_ context.Context, limit int) ([]task.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var live, ended []task.Task
	for _, j := range slices.Backward(s.jobs) {
		if j.Status == "running" {
			live = append(live, j.task())
		} else {
			ended = append(ended, j.task())
		}
	}
	all := append(live, ended...)
	return all[:min(len(all), limit)], nil
}

// Find implements task.Source.
func (s *Service) Find(_ context.Context, id string) (task.Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.find(id); j != nil {
		return j.task(), nil
	}
	return task.Task{}, wit.Errorf(wit.CodeNotFound, "there is no task %.80s", id)
}

// Stop implements task.Source.
func (s *Service) Stop(ctx context.Context, id, reason string) (bool, error) {
	s.mu.Lock()
	j := s.find(id)
	running := j != nil && j.Status == "running"
	s.mu.Unlock()
	if !running {
		return false, nil
	}
	cause := errStopped
	if reason != "" {
		cause = errors.New(reason)
	}
	j.cancel(cause)
	select {
	case <-j.done:
		return true, nil
	case <-ctx.Done():
		return true, wit.Errorf(wit.CodeTimeout, "%s has not ended yet; it will: %w", j.Model, context.Cause(ctx))
	}
}

// find returns a job, nil for none. The caller holds mu.
func (s *Service) find(id string) *job {
	if i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.TaskID == id }); i >= 0 {
		return s.jobs[i]
	}
	return nil
}

// task is a job as clients see a task. The caller holds the service's mutex.
func (j *job) task() task.Task {
	t := task.Task{
		ID: j.TaskID, Kind: "pull", Status: j.Status, Title: "fetch " + j.Model, Model: j.Model, Progress: j.far(), Error: j.Error,
		CreatedAt: j.began.UnixMilli(), StartedAt: j.began.UnixMilli(), UpdatedAt: j.changed.UnixMilli(),
	}
	if !j.ended.IsZero() {
		t.EndedAt = j.ended.UnixMilli()
	}
	return t
}

// far is how far it is, in words.
func (j *job) far() string {
	if j.Status != "running" || j.Total == 0 {
		return j.Step
	}
	return fmt.Sprintf("%s, %d %%", j.Step, min(j.Completed, j.Total)*100/j.Total)
}
