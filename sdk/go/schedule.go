package sdk

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Schedule sets a job, in place of one with the same id, and returns when it is next due. The plugin
// implements schedule.Handler to be called. Permission `schedule`.
func (h *Host) Schedule(job *wit.ScheduledJob) (next time.Time, err error) {
	var set wit.JobScheduled
	if err := call(h, scheduleSet, job, &set); err != nil || set.Next == nil {
		return time.Time{}, err
	}
	return time.UnixMilli(*set.Next), nil
}

// Unschedule takes a job back. Taking back what is not there is no error.
func (h *Host) Unschedule(id string) error {
	return call(h, scheduleCancel, &wit.JobReference{ID: id}, &wit.JobScheduled{})
}
