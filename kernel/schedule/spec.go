package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

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
	// of week both given mean either.
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
		return wit.Errorf(wit.CodeInvalid, "an interval of %d ms is too short: use at least %d", s.EveryMs, minEvery)
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

// expression is a cron expression in a zone.
type expression struct {
	fields *cron.SpecSchedule
	zone   *time.Location
}

func parseCron(text, tz string, zone *time.Location) (expression, error) {
	if len(text) > 256 || len(tz) > 64 {
		return expression{}, wit.NewError(wit.CodeInvalid, "the cron expression is too long: use at most 256 characters")
	}
	if tz != "" {
		var err error
		if zone, err = time.LoadLocation(tz); err != nil {
			return expression{}, wit.Errorf(wit.CodeInvalid, "unknown time zone %q: use a name like Europe/Vienna", tz)
		}
	}
	if strings.Contains(text, "TZ=") {
		return expression{}, wit.NewError(wit.CodeInvalid, "the zone is not part of the cron expression: give it as tz")
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(sundays(text))
	if err != nil {
		return expression{}, wit.Errorf(wit.CodeInvalid, "invalid cron expression %q: %w", text, err)
	}
	fields, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return expression{}, wit.Errorf(wit.CodeInvalid, "the cron expression %q is an interval: use one instead", text)
	}
	fields.Location = time.UTC
	return expression{fields, zone}, nil
}

// sundays writes the 7 that cron allows for Sunday as the 0 that the parser knows.
func sundays(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 5 || strings.HasPrefix(text, "@") {
		return text
	}
	var days []string
	for _, part := range strings.Split(fields[len(fields)-1], ",") {
		days = append(days, sunday(part))
	}
	fields[len(fields)-1] = strings.Join(days, ",")
	return strings.Join(fields, " ")
}

func sunday(part string) string {
	span, step, stepped := strings.Cut(part, "/")
	low, high, ranged := strings.Cut(span, "-")
	if !ranged {
		high = low
	}
	if high != "7" {
		return part
	}
	from, err := strconv.Atoi(low)
	by := 1
	if err == nil && stepped {
		by, err = strconv.Atoi(step)
	}
	if err != nil || from < 0 || from > 7 || by < 1 {
		return part
	}
	var days []string
	for d := from; d <= 7; d += by {
		days = append(days, fmt.Sprint(d%7))
	}
	return strings.Join(days, ",")
}

// everyHour is the bit by which the parser marks a field that is a star.
const everyHour = 1 << 63

// next is the first due time after t, zero if there is none within five years.
//
// Where clocks change, a job that runs in every hour goes by elapsed time. One that names its hours
// goes by the clock on the wall: in the hour that comes twice it runs the first time, and in the hour
// that is left out it runs as long after midnight as on other days.
func (e expression) next(t time.Time) time.Time {
	local := t.In(e.zone)
	if e.fields.Hour&everyHour != 0 {
		fields := *e.fields
		fields.Location = e.zone
		return fields.Next(local)
	}
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	for {
		if wall = e.fields.Next(wall); wall.IsZero() {
			return wall
		}
		if real := onWall(wall, e.zone); real.After(t) {
			return real
		}
	}
}

// onWall is the first moment at which the clocks in zone show what wall shows in UTC, or would show it
// had they not been put forward.
func onWall(wall time.Time, zone *time.Location) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	early, late := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	if late.Before(early) {
		early, late = late, early
	}
	for _, t := range []time.Time{early, late} {
		if _, offset := t.In(zone).Zone(); t.Add(time.Duration(offset) * time.Second).Equal(wall) {
			return t
		}
	}
	return wall.Add(-time.Duration(before) * time.Second)
}
