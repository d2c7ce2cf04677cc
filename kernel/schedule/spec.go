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
func (s Spec) next(after, added int64, zone *time.Location) int64 {
	switch {
	case s.At != 0:
		if s.At > after {
			return s.At
		}
	case s.EveryMs > 0:
		anchor := s.AnchorMs
		if anchor == 0 {
			anchor = added
		}
		if anchor > after {
			return anchor
		}
		return anchor + ((after-anchor)/s.EveryMs+1)*s.EveryMs
	case s.Cron != "":
		c, err := parseCron(s.Cron, s.TZ, zone)
		if err != nil {
			return 0 // it was checked; a zone that has gone since makes the job stop
		}
		if t := c.next(time.UnixMilli(after)); !t.IsZero() {
			return t.UnixMilli()
		}
	}
	return 0
}
