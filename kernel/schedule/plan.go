package schedule

import "time"

// planner knows the wall clock and the gateway's zone, and says when jobs are due next. It has no state.
type planner struct {
	now  func() time.Time
	zone *time.Location
}

func newPlanner(now func() time.Time, zone *time.Location) planner {
	if now == nil {
		now = time.Now
	}
	if zone == nil {
		zone = time.Local
	}
	return planner{now, zone}
}

func (p planner) millis() int64 { return p.now().UnixMilli() }

// check is Job.check as of now.
func (p planner) check(j Job) error { return j.check(p.now(), p.zone) }

// plan sets the next due time of a job that is new or has changed.
func (p planner) plan(j *Job) {
	now := p.millis()
	switch {
	case !j.Enabled:
		j.State.NextRunAt = 0
	case j.Spec.At != 0 && j.State.LastDue == j.Spec.At:
		j.State.NextRunAt = 0 // it has had its time
	case j.Spec.At != 0:
		j.State.NextRunAt = j.Spec.At
	default:
		j.State.NextRunAt = j.Spec.next(now, j.CreatedAt, p.zone)
	}
}

// astray reports whether a recurring job was planned, or run, while the clock was ahead: it would rest until
// the clock is there again. A clock that goes back by less than the job's period only makes it wait.
func (p planner) astray(j Job) bool {
	if j.Spec.At != 0 || !j.Enabled {
		return false
	}
	now := p.now()
	if j.State.LastDue > now.Add(clockRepair).UnixMilli() {
		return true
	}
	first := j.Spec.next(now.UnixMilli(), j.CreatedAt, p.zone)
	return first != 0 && j.State.NextRunAt > j.Spec.next(first, j.CreatedAt, p.zone)
}

// advance sets the next due time after the one that is due. It is after now too, so that many missed
// times are one, and after the due time, should the clock have gone back a little.
func (p planner) advance(j *Job, now int64) {
	j.State.LastDue = j.State.NextRunAt
	j.State.NextRunAt = j.Spec.next(max(now, j.State.LastDue), j.CreatedAt, p.zone)
}
