package schedule

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/carapace-gateway/carapace/wit"
)

// expression is a cron expression in a zone.
type expression struct {
	// clock has the seconds, minutes, hours and months, in UTC; any day passes it.
	clock *cron.SpecSchedule
	days  days
	zone  *time.Location
	// hourly says that no hour is left out.
	hourly bool
}

// anyDay is a field of clock that lets every day pass.
const anyDay = 1<<63 | 1<<32 - 1

func parseCron(text, tz string, zone *time.Location) (expression, error) {
	if len(text) > 256 {
		return expression{}, wit.NewError(wit.CodeInvalid, "the cron expression is too long: use at most 256 characters")
	}
	if strings.Contains(text, "TZ=") {
		return expression{}, wit.NewError(wit.CodeInvalid, "the zone is not part of the cron expression: give it as tz")
	}
	if strings.HasPrefix(text, "@every") {
		return expression{}, wit.Errorf(wit.CodeInvalid, "the cron expression %q is an interval: use one instead", text)
	}
	zone, err := loadZone(tz, zone)
	if err != nil {
		return expression{}, err
	}
	e := expression{zone: zone}
	if err := e.read(text); err != nil {
		return expression{}, wit.Errorf(wit.CodeInvalid, "invalid cron expression %q: %w", text, err)
	}
	return e, nil
}

// loadZone returns the zone that tz names, or the given one where it names none.
func loadZone(tz string, zone *time.Location) (*time.Location, error) {
	if tz == "" {
		return zone, nil
	}
	if len(tz) <= 64 {
		if zone, err := time.LoadLocation(tz); err == nil {
			return zone, nil
		}
	}
	return nil, wit.Errorf(wit.CodeInvalid, "unknown time zone %.64q: use a name like Europe/Vienna", tz)
}

// read takes the expression apart.
func (e *expression) read(text string) error {
	fields := strings.Fields(described(text))
	given := len(fields)
	if given == 5 {
		fields = append([]string{"0"}, fields...)
	}
	if len(fields) != 6 {
		noun := "fields"
		if given == 1 {
			noun = "field"
		}
		return wit.Errorf(wit.CodeInvalid, "it has %d %s: use five (minute, hour, day of month, month, day of week), or six with the second first", given, noun)
	}
	e.clock = &cron.SpecSchedule{Dom: anyDay, Dow: anyDay, Location: time.UTC}
	for i, part := range []struct {
		field field
		to    *uint64
	}{{seconds, &e.clock.Second}, {minutes, &e.clock.Minute}, {hours, &e.clock.Hour}, {months, &e.clock.Month}} {
		at := i
		if i == 3 {
			at = 4 // the day of the month stands between
		}
		var err error
		if *part.to, err = part.field.set(fields[at]); err != nil {
			return err
		}
	}
	e.hourly = e.clock.Hour == 1<<24-1
	return e.days.read(fields[3], fields[5])
}

// described returns the expression that a name stands for, and any other text as it is.
func described(text string) string {
	switch strings.TrimSpace(text) {
	case "@yearly", "@annually":
		return "0 0 1 1 *"
	case "@monthly":
		return "0 0 1 * *"
	case "@weekly":
		return "0 0 * * 0"
	case "@daily", "@midnight":
		return "0 0 * * *"
	case "@hourly":
		return "0 * * * *"
	}
	return text
}

// farthest is how many years ahead a due time is looked for: the 29th of February is a given day of the
// week every 40 years at least.
const farthest = 40

// next is the first due time after t, zero if there is none within the farthest years.
//
// Where clocks change, a job that runs in every hour goes by elapsed time. One that names its hours
// goes by the clock on the wall: in the hour that comes twice it runs the first time, and in the hour
// that is left out it runs as long after midnight as on other days.
func (e expression) next(t time.Time) time.Time {
	if e.hourly {
		return e.elapsed(t)
	}
	wall := shown(t.In(e.zone))
	for {
		if wall = e.wall(wall); wall.IsZero() {
			return wall
		}
		if real := onWall(wall, e.zone); real.After(t) {
			return real
		}
	}
}

// nextMillis is next in Unix milliseconds, 0 for none.
func (e expression) nextMillis(after int64) int64 {
	if t := e.next(time.UnixMilli(after)); !t.IsZero() {
		return t.UnixMilli()
	}
	return 0
}

// elapsed is next for a job that runs in every hour: it looks through the stretches of time between two
// changes of the clocks.
func (e expression) elapsed(t time.Time) time.Time {
	for from, stretch := t, t.In(e.zone); ; {
		_, offset := stretch.Zone()
		shift := time.Duration(offset) * time.Second
		wall := e.wall(from.UTC().Add(shift))
		if wall.IsZero() {
			return wall
		}
		_, end := stretch.ZoneBounds()
		if due := wall.Add(-shift); end.IsZero() || due.Before(end) {
			return due
		}
		from, stretch = end.Add(-1), end
	}
}

// wall is the first moment after t that the expression names, on a clock that never changes.
func (e expression) wall(t time.Time) time.Time {
	for end := t.AddDate(farthest, 0, 0); t.Before(end); {
		if t = e.clock.Next(t); e.days.has(t) { // there is always one: the clock has any day
			return t
		}
		t = time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, time.UTC)
	}
	return time.Time{}
}

// shown is what the clock on the wall shows at t, as if it were UTC.
func shown(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// onWall is the first moment at which the clocks in zone show what wall shows in UTC, or would show it
// had they not been put forward.
func onWall(wall time.Time, zone *time.Location) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	// Where both show it the clocks are put back between them, so that first is the earlier one.
	first, second := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	if shown(second.In(zone)).Equal(wall) && !shown(first.In(zone)).Equal(wall) {
		return second
	}
	return first
}
