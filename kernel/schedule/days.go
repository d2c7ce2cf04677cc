package schedule

import (
	"strings"
	"time"
)

// days are those that an expression names: of the month or of the week. Where it names both, either will do.
type days struct {
	ofMonth monthDays
	ofWeek  weekDays
}

func (d *days) read(ofMonth, ofWeek string) (err error) {
	if d.ofMonth, err = readMonthDays(ofMonth); err != nil {
		return err
	}
	d.ofWeek, err = readWeekDays(ofWeek)
	return err
}

// has reports whether the day of t is one of them.
func (d days) has(t time.Time) bool {
	switch {
	case d.ofMonth.any:
		return d.ofWeek.has(t)
	case d.ofWeek.any:
		return d.ofMonth.has(t)
	}
	return d.ofMonth.has(t) || d.ofWeek.has(t)
}

// star reports whether a field leaves the day to the other one.
func star(text string) bool { return text == "*" || text == "?" || text == "*/1" }

// monthDays are days of the month. Sets have a bit for each day.
type monthDays struct {
	any         bool
	set         uint64
	near        uint64 // 15W: the weekday nearest to it
	last        bool   // L
	lastWeekday bool   // LW
}

func readMonthDays(text string) (monthDays, error) {
	d := monthDays{any: star(text)}
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		var err error
		switch day, near := strings.CutSuffix(part, "W"); {
		case part == "L":
			d.last = true
		case part == "LW":
			d.lastWeekday = true
		case near:
			n, ok := dates.number(day)
			if !ok {
				return d, dates.wrong(part)
			}
			d.near |= 1 << n
		default:
			var bits uint64
			bits, err = dates.span(part)
			d.set |= bits
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

func (d monthDays) has(t time.Time) bool {
	day, end := t.Day(), lastOf(t)
	if d.set>>day&1 == 1 || d.last && day == end || d.lastWeekday && day == nearest(t, end) {
		return true
	}
	for n := 1; n <= end; n++ {
		if d.near>>n&1 == 1 && day == nearest(t, n) {
			return true
		}
	}
	return false
}

// lastOf is the last day of t's month.
func lastOf(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearest is the weekday nearest to a day of t's month, in the same month.
func nearest(t time.Time, day int) int {
	switch time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == lastOf(t) {
			return day - 2
		}
		return day + 1
	}
	return day
}

// weekDays are days of the week. Sets have a bit for each day, Sunday's first.
type weekDays struct {
	any bool
	set uint64
	// nth are those that are meant once a month: [1] its first one to [5] its fifth, [0] its last.
	nth [6]uint64
}

func readWeekDays(text string) (weekDays, error) {
	d := weekDays{any: star(text)}
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		to := &d.set
		span, which, numbered := strings.Cut(part, "#")
		if body, last := strings.CutSuffix(part, "L"); last && !numbered {
			span, which, numbered = body, "L", true
		}
		switch {
		case which == "L":
			to = &d.nth[0]
		case numbered:
			n, ok := ordinals.number(which)
			if !ok {
				return d, ordinals.wrong(which)
			}
			to = &d.nth[n]
		}
		bits, err := weekdays.span(span)
		switch {
		case err != nil && numbered:
			return d, weekdays.wrong(part)
		case err != nil:
			return d, err
		}
		*to |= bits
	}
	return d, nil
}

// ordinals say which of the days of one name in a month is meant.
var ordinals = field{"number after #", 1, 5, "", ""}

func (d weekDays) has(t time.Time) bool {
	on := func(set uint64) bool { return set>>t.Weekday()&1 == 1 }
	return on(d.set) || on(d.nth[(t.Day()+6)/7]) || t.Day()+7 > lastOf(t) && on(d.nth[0])
}
