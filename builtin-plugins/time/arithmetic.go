package clock

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// maxAmount bounds each part of what is added.
const maxAmount = 10_000_000

// add moves a moment by years down to seconds, the calendar's units first. A day that the month does not
// have becomes its last one: a month after 31 January is 28 or 29 February.
func add(moment time.Time, args json.Value) (string, error) {
	amount := func(name string) int64 { return args.Get(name).Int() }
	var parts []string
	for _, name := range []string{"years", "months", "weeks", "days", "hours", "minutes", "seconds"} {
		n := amount(name)
		if n > maxAmount || n < -maxAmount {
			return "", invalid(name + " go from -" + strconv.Itoa(maxAmount) + " to " + strconv.Itoa(maxAmount))
		}
		if n != 0 {
			parts = append(parts, count(n, name))
		}
	}
	if len(parts) == 0 {
		return "", invalid("nothing to add: give years, months, weeks, days, hours, minutes or seconds")
	}
	later := addMonths(moment, int(12*amount("years")+amount("months")))
	later = later.AddDate(0, 0, int(7*amount("weeks")+amount("days")))
	later = later.Add(time.Duration(amount("hours"))*time.Hour + time.Duration(amount("minutes"))*time.Minute +
		time.Duration(amount("seconds"))*time.Second)
	if later.Year() < 1 || later.Year() > 9999 {
		return "", invalid("the result is outside the years 1 to 9999")
	}
	return sentence(describe(moment) + ", moved by " + strings.Join(parts, ", ") + ", is " + describe(later) + "."), nil
}

// addMonths moves a moment to the same day of another month, or to that month's last one.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), lastDay)-1)
}

// difference says how far it is from a moment to the argument `until`.
func difference(from time.Time, args json.Value, now time.Time) (string, error) {
	until := now
	if text := args.Get("until").Text(); text != "" {
		var err error
		if until, err = parseTime(text, now); err != nil {
			return "", err
		}
	}
	start, end, direction := from, until, "from "
	if end.Before(start) {
		start, end, direction = end, start, "back from "
	}
	text := direction + describe(from) + " to " + describe(until) + ": " + elapsed(start, end)
	if days := dayNumber(end) - dayNumber(start); days > 0 {
		text += " (" + count(days, "days") + " on the calendar)"
	}
	return sentence(text + "."), nil
}

// elapsed gives the years, months, days, hours, minutes and seconds from start to end.
func elapsed(start, end time.Time) string {
	months := 12*(end.Year()-start.Year()) + int(end.Month()-start.Month())
	if addMonths(start, months).After(end) {
		months--
	}
	at := addMonths(start, months)
	days := 0
	for ; !at.AddDate(0, 0, days+1).After(end); days++ {
	}
	rest := int64(end.Sub(at.AddDate(0, 0, days)) / time.Second)
	var parts []string
	for _, part := range []struct {
		n    int64
		name string
	}{
		{int64(months / 12), "years"}, {int64(months % 12), "months"}, {int64(days), "days"},
		{rest / 3600, "hours"}, {rest / 60 % 60, "minutes"}, {rest % 60, "seconds"},
	} {
		if part.n != 0 {
			parts = append(parts, count(part.n, part.name))
		}
	}
	if len(parts) == 0 {
		return "no time at all"
	}
	return strings.Join(parts, ", ")
}

// dayNumber counts the days of the calendar from 1970, whatever the time and the zone.
func dayNumber(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
}

// count writes "1 day" and "2 days".
func count(n int64, plural string) string {
	if n == 1 || n == -1 {
		plural = strings.TrimSuffix(plural, "s")
	}
	return strconv.FormatInt(n, 10) + " " + plural
}
