package schedule

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// minEvery keeps a job from taking the machine for itself.
const minEvery = 1000

// maxTime is the end of the year 9999, in milliseconds: what is later is a mistake in a unit.
const maxTime = 253402300799999

// Spec says when a job is due: At a moment, EveryMs since AnchorMs, or by a Cron expression in zone TZ.
// Exactly one of the three is set. Times are Unix milliseconds.
type Spec struct {
	At      int64 `json:"at,omitempty"`
	EveryMs int64 `json:"everyMs,omitempty"`
	// AnchorMs is one of the due times; 0 is when the job was added.
	AnchorMs int64 `json:"anchorMs,omitempty"`
	// Cron has five fields, or six with seconds first, or is @hourly, @daily, … . Day of month and day
	// of week both given mean either. A range may go over the end: 22-2, FRI-MON. Days of the month may be
	// L (the last), LW (the last weekday) and 15W (the weekday nearest to the 15th), days of the week 5#2
	// (the second Friday) and 5L or 5#L (the last one).
	Cron string `json:"cron,omitempty"`
	// TZ is an IANA name; empty is the gateway's.
	TZ string `json:"tz,omitempty"`
}

// check returns CodeInvalid for what cannot be a schedule. It takes the time at which it would begin.
func (s Spec) check(now time.Time, zone *time.Location) error {
	kinds := 0
	for _, set := range []bool{s.At != 0, s.EveryMs != 0, s.Cron != ""} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return wit.NewError(wit.CodeInvalid, "a schedule is a time, an interval or a cron expression: give one of them")
	case s.At < 0 || s.At > maxTime || s.AnchorMs < 0 || s.AnchorMs > maxTime || s.EveryMs > maxTime:
		return wit.NewError(wit.CodeInvalid, "a schedule's times are Unix milliseconds between the years 1970 and 9999")
	case s.EveryMs != 0 && s.EveryMs < minEvery:
		return wit.Errorf(wit.CodeInvalid, "an interval of %d ms is too short: use at least %d ms", s.EveryMs, minEvery)
	}
	if s.Cron == "" {
		return nil
	}
	c, err := parseCron(s.Cron, s.TZ, zone)
	if err != nil {
		return err
	}
	if c.next(now).IsZero() {
		return wit.Errorf(wit.CodeInvalid, "the cron expression %q is never due: check its day and month", s.Cron)
	}
	return nil
}

// next is the first due time after the given one, 0 if there is none. added anchors intervals.
func (s Spec) next(after, added int64, zone *time.Location) int64 { return s.times(added, zone)(after) }

// times returns next for many questions.
func (s Spec) times(added int64, zone *time.Location) func(after int64) int64 {
	switch {
	case s.At != 0:
		return s.once
	case s.EveryMs > 0:
		anchor := s.AnchorMs
		if anchor == 0 {
			anchor = added
		}
		return func(after int64) int64 {
			if anchor > after {
				return anchor
			}
			return anchor + ((after-anchor)/s.EveryMs+1)*s.EveryMs
		}
	case s.Cron != "":
		if c, err := parseCron(s.Cron, s.TZ, zone); err == nil {
			return c.nextMillis
		}
	}
	return func(int64) int64 { return 0 } // it was checked; a zone that has gone since makes the job stop
}

// once is next of a moment.
func (s Spec) once(after int64) int64 {
	if s.At > after {
		return s.At
	}
	return 0
}

// latest returns the first of the last n due times from the due time first on and before end.
func (s Spec) latest(first, end int64, n int, added int64, zone *time.Location) int64 {
	next := s.times(added, zone)
	enough := func(from int64) bool { // so many are left from there on
		at := from - 1
		for range n {
			if at = next(at); at == 0 || at >= end {
				return false
			}
		}
		return true
	}
	if !enough(first) {
		return first
	}
	for low, high := first, end; ; { // enough from low on, too few from high on
		if high-low <= 1 {
			return low
		}
		if mid := low + (high-low)/2; enough(mid) {
			low = mid
		} else {
			high = mid
		}
	}
}
