// Package wait reads how long a server wants to be left alone: of a response's head, and of the body of a failure. Servers
// say it in seconds, in milliseconds, as a date, as a duration, or only in words.
package wait

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxWait is the longest wait that is told, in milliseconds: nobody waits for a day, so it is an answer as good as more.
const maxWait = 24 * 60 * 60 * 1000

// Waits is how long a server wants to be left alone, in milliseconds; 0 where it does not say.
type Waits struct {
	Asked int64 // what it asked for
	// Reset is when a limit that it counts is as at first. Servers say so with each answer, also with those that have
	// nothing to do with a limit, and it is often longer than one has to wait.
	Reset int64
}

// Head reads the head of a response: retry-after-ms, Retry-After (RFC 9110, section 10.2.3), and the headers that
// begin with x-ratelimit-reset, of which there may be one for each limit.
func Head(headers []wit.Header) Waits {
	return Waits{Asked(headers), resetAfter(headers, serverTime(headers))}
}

// Asked is what Head reads that a server asks for, without its limits.
func Asked(headers []wit.Header) int64 {
	if ms := bounded(number(sdk.Header(headers, "retry-after-ms"))); ms > 0 {
		return ms
	}
	after := sdk.Header(headers, "retry-after")
	if after == "" {
		return 0
	}
	return until(after, serverTime(headers))
}

// serverTime is what the server says that it is: its clock may be another one than this machine's.
func serverTime(headers []wit.Header) time.Time {
	if date, ok := moment(sdk.Header(headers, "date")); ok {
		return date
	}
	return time.Now()
}

// The headers that say when a limit is as at first, and how much of it is left. What follows in their names says which
// limit it is: x-ratelimit-reset-tokens belongs to x-ratelimit-remaining-tokens.
const (
	resetHeader     = "x-ratelimit-reset"
	remainingHeader = "x-ratelimit-remaining"
)

// resetAfter is the time until the limits that are used up are as at first. Where the server names none of them as used up,
// it is the shortest of all: which one it was is not known.
func resetAfter(headers []wit.Header, now time.Time) int64 {
	var longest, shortest int64
	for _, h := range headers {
		limit, ok := strings.CutPrefix(strings.ToLower(h.Name), resetHeader)
		wait := until(h.Value, now)
		if !ok || wait == 0 {
			continue
		}
		if left := sdk.Header(headers, remainingHeader+limit); left != "" && number(left) == 0 {
			longest = max(longest, wait)
		}
		if shortest == 0 || wait < shortest {
			shortest = wait
		}
	}
	if longest > 0 {
		return longest
	}
	return shortest
}

// Body reads what a failure itself says: Google's "retryDelay": "4s", the number of seconds that others give, the
// headers that OpenRouter passes on from whom it asked, or else the words for people.
func Body(problem json.Value, explanation string) (w Waits) {
	now := time.Now()
	for detail := range problem.Get("details").Items() {
		if w.Asked == 0 {
			w.Asked = until(detail.Get("retryDelay").Text(), now)
		}
	}
	for _, path := range [...][]string{{"retry_after"}, {"retry_after_seconds"}, {"metadata", "retry_after_seconds"}} {
		if w.Asked == 0 {
			w.Asked = until(problem.Get(path...).Text(), now)
		}
	}
	var passed []wit.Header
	for name, field := range problem.Get("metadata", "headers").Fields() {
		passed = append(passed, wit.Header{Name: name, Value: field.Text()})
	}
	head := Head(passed)
	w.Reset = head.Reset
	if w.Asked == 0 {
		w.Asked = head.Asked
	}
	if w.Asked == 0 {
		w.Asked = saidWait(explanation)
	}
	return w
}

// until is the time from now to what a header's value means: a number of seconds, a duration such as 6m0s, or a moment, as a
// date or a Unix time in seconds or milliseconds. What is over, and what has no meaning, is 0.
func until(value string, now time.Time) int64 {
	value = strings.TrimSpace(value)
	const seconds, millis = 1e9, 1e11 // from where on a number is a Unix time: of 2001, and in milliseconds of 1973
	switch n := number(value); {
	case n >= millis:
		return bounded(n - float64(now.UnixMilli()))
	case n >= seconds:
		return bounded(n*1000 - float64(now.UnixMilli()))
	case n > 0:
		return bounded(n * 1000)
	}
	if d, err := time.ParseDuration(value); err == nil {
		return bounded(float64(d.Milliseconds()))
	}
	if then, ok := moment(value); ok {
		return bounded(float64(then.Sub(now).Milliseconds()))
	}
	return 0
}

// moment reads a date: the three forms that HTTP has (RFC 9110, section 5.6.7), of which the last two are old, and that of
// RFC 3339, which some write.
func moment(value string) (time.Time, bool) {
	for _, form := range [...]string{time.RFC1123, time.RFC850, time.ANSIC, time.RFC3339} {
		if at, err := time.Parse(form, value); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// number reads a number, and what is none as 0.
func number(text string) float64 {
	n, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return n
}

// bounded is a wait in whole milliseconds, at most maxWait; none is 0, and so is what is over.
func bounded(wait float64) int64 {
	if wait > 0 {
		return int64(min(wait, maxWait))
	}
	return 0
}

// Longer is the longer one of what two ask for: 0 where neither does. When a limit is as at first counts only where it
// was a limit that refused.
func (w Waits) Longer(other Waits, limited bool) int64 {
	longest := max(w.Asked, other.Asked)
	if longest == 0 && limited {
		longest = max(w.Reset, other.Reset)
	}
	return longest
}
