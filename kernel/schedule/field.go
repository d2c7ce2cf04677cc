package schedule

import (
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
}

var (
	seconds  = field{"second", 0, 59, ""}
	minutes  = field{"minute", 0, 59, ""}
	hours    = field{"hour", 0, 23, ""}
	dates    = field{"day of month", 1, 31, ""}
	months   = field{"month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"}
	weekdays = field{"day of week", 0, 6, "SUN MON TUE WED THU FRI SAT"}
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
		if from, err = f.number(low); err != nil {
			return 0, err
		}
		switch {
		case ranged:
			if to, err = f.number(high); err != nil {
				return 0, err
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
func (f field) number(text string) (int, error) {
	if i := slices.Index(strings.Fields(f.names), strings.ToUpper(text)); i >= 0 {
		return f.min + i, nil
	}
	last := f.max
	if f == weekdays {
		last = 7
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.min || n > last {
		return 0, wit.Errorf(wit.CodeInvalid, "the %s cannot be %q: use %d to %d", f.name, text, f.min, last)
	}
	return n, nil
}
