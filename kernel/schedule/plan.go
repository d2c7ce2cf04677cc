package schedule

import "time"

// planner knows the wall clock and the gateway's zone, and says when jobs are due next, and which of their times were
// missed.
type planner struct {
	now   func() time.Time
	zone  *time.Location
	watch *watch
}

func newPlanner(now func() time.Time, zone *time.Location) planner {
	if now == nil {
		now = time.Now
	}
	if zone == nil {
		zone = time.Local
	}
	return planner{now, zone, new(watch)}
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

// advance sets the next due time after the one that is due. It is after now too, so that many times are one, unless
// each of those that were missed is to be run. It is after the due time, should the clock have gone back a little.
func (p planner) advance(j *Job, now int64) {
	j.State.LastDue = j.State.NextRunAt
	after := max(now, j.State.LastDue)
	if p.catchesUp(*j) {
		after = j.State.LastDue
	}
	j.State.NextRunAt = j.Spec.next(after, j.CreatedAt, p.zone)
}

// missed reports whether the job's due time was.
func (p planner) missed(j Job) bool {
	return j.State.NextRunAt != 0 && j.State.NextRunAt < p.watch.horizon()
}

// catchesUp reports whether the job's due time is one of several missed ones that are all to be run.
func (p planner) catchesUp(j Job) bool { return j.Policy.CatchUp == CatchUpAll && p.missed(j) }

// resume returns the first due time that is to be run, of a job that has missed its own: 0 if none is.
func (p planner) resume(j Job) int64 {
	due, horizon := j.State.NextRunAt, p.watch.horizon()
	switch {
	case j.Policy.CatchUp == CatchUpSkip:
		return j.Spec.next(horizon-1, j.CreatedAt, p.zone)
	case j.Policy.CatchUp == CatchUpAll && j.Spec.At == 0:
		return j.Spec.latest(due, horizon, j.Policy.latest(), j.CreatedAt, p.zone)
	}
	return due
}
