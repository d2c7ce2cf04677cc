package wait

import (
	"strings"
	"time"
)

// Some say only in words how long to wait: "Rate limit reached … Please try again in 1m30s."

// waitWords stand before the time.
var waitWords = [...]string{"again in ", "again after ", "retry in ", "retry after ", "wait ", "reset in ", "resets in ", "reset after "}

// waitUnits are the units of time, as people and programs write them.
var waitUnits = map[string]time.Duration{
	"ms": time.Millisecond, "millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
}

// saidWait is the first wait that a text names, in milliseconds; 0 when it names none.
func saidWait(text string) int64 {
	text = strings.ToLower(text)
	for _, words := range waitWords {
		for rest := text; ; {
			_, after, ok := strings.Cut(rest, words)
			if !ok {
				break
			}
			if wait := leadingWait(after); wait > 0 {
				return wait
			}
			rest = after
		}
	}
	return 0
}

// leadingWait is the wait that a text begins with: numbers with their units, "1m30s" or "1 minute and 30 seconds". A number
// that nothing follows is one of seconds.
func leadingWait(text string) int64 {
	var sum float64
	for {
		digits := len(text) - len(strings.TrimLeft(text, "0123456789."))
		n := number(strings.TrimRight(text[:digits], "."))
		text = strings.TrimLeft(text[digits:], " ")
		letters := len(text) - len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz"))
		unit := waitUnits[text[:letters]]
		if letters == 0 {
			unit = time.Second
		}
		if n <= 0 || unit == 0 {
			return bounded(sum)
		}
		sum += n * float64(unit.Milliseconds())
		if letters == 0 {
			return bounded(sum)
		}
		text = strings.TrimPrefix(strings.TrimLeft(text[letters:], " ,"), "and ")
	}
}
