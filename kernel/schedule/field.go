package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// field is what one field of a cron expression may hold: numbers from min to max, or names.
type field struct {
	name     string
	min, max int
	// names stand for the numbers from min on, separated by spaces.
	names string
	// also is what it may hold besides, for people.
	also string
}

var (
	seconds  = field{"second", 0, 59, "", ""}
	minutes  = field{"minute", 0, 59, "", ""}
	hours    = field{"hour", 0, 23, "", ""}
	dates    = field{"day of month", 1, 31, "", "L for the last day, 15W for the weekday nearest to the 15th, LW for the last weekday"}
	months   = field{"month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", "JAN to DEC"}
	weekdays = field{"day of week", 0, 6, "SUN MON TUE WED THU FRI SAT", "SUN to SAT, 5L for the month's last Friday, 5#2 for its second one"}
)

// size is how many numbers there are.
func (f field) size() int { return f.max - f.min + 1 }

// set returns the numbers that a list means, each as a bit.
func (f field) set(list string) (uint64, error) {
	var set uint64
	for part := range strings.SplitSeq(list, ",") {
		bits, err := f.span(part)
		if err != nil {
			return 0, err
		}
		set |= bits
	}
	return set, nil
}

// span reads a number, a range, or a star, with or without a step. A range whose end is below its beginning
// goes over the end: hours 22-2 are 22, 23, 0, 1, 2.
func (f field) span(text string) (uint64, error) {
	body, step, stepped := strings.Cut(text, "/")
	by, err := f.step(step, stepped)
	if err != nil {
		return 0, err
	}
	from, to := f.min, f.max
	if low, high, ranged := strings.Cut(body, "-"); body != "*" && body != "?" {
		var ok bool
		if from, ok = f.number(low); !ok {
			return 0, f.wrong(text)
		}
		switch {
		case ranged:
			if to, ok = f.number(high); !ok {
				return 0, f.wrong(text)
			}
			if to < from {
				to += f.size()
			}
		case stepped:
			from = f.wrap(from)
		default:
			to = from
		}
	}
	var set uint64
	for n := from; n <= to; n += by {
		set |= 1 << f.wrap(n)
	}
	return set, nil
}

// wrap begins again after the last number.
func (f field) wrap(n int) int {
	if n > f.max {
		n -= f.size()
	}
	return n
}

func (f field) step(text string, given bool) (int, error) {
	if !given {
		return 1, nil
	}
	by, _ := strconv.Atoi(text)
	if by < 1 || by > f.size() {
		return 0, wit.Errorf(wit.CodeInvalid, "the step %q of the %s is not a number from 1 to %d: for a longer one use an interval", text, f.name, f.size())
	}
	return by, nil
}

// number reads a number or a name. Sunday is 7 too.
func (f field) number(text string) (int, bool) {
	if i := slices.Index(strings.Fields(f.names), strings.ToUpper(text)); i >= 0 {
		return f.min + i, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.min && n <= f.last()
}

// last is the greatest number that may be written.
func (f field) last() int {
	if f == weekdays {
		return 7
	}
	return f.max
}

// wrong refuses a part of the field, and says what it may be.
func (f field) wrong(part string) error {
	allowed := fmt.Sprintf("%d to %d", f.min, f.last())
	switch {
	case f.also != "":
		allowed += ", " + f.also
	case strings.ContainsAny(strings.ToUpper(part), "LW#"):
		allowed += "; L, W and # belong to the days of month and of week"
	}
	return wit.Errorf(wit.CodeInvalid, "the %s cannot be %q: use %s", f.name, part, allowed)
}
