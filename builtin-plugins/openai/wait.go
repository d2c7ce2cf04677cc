package openai

import (
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxWait is a day: a server that asks for more is not waited for.
const maxWait = 24 * 60 * 60 * 1000

// retryAfter reads how long the server wants to be left alone, in milliseconds; 0 when it does not say. It says so in
// milliseconds, in seconds, or by a date.
func retryAfter(headers []wit.Header) int64 {
	if wait := milliseconds(header(headers, "retry-after-ms"), 1); wait > 0 {
		return wait
	}
	after := header(headers, "retry-after")
	if wait := milliseconds(after, 1000); wait > 0 {
		return wait
	}
	return untilDate(after, header(headers, "date"))
}

// untilDate is the time from now until an HTTP date. Now is what the server says it is, if it does: its clock may be
// another one than this machine's.
func untilDate(after, date string) int64 {
	then, err := time.Parse(time.RFC1123, after)
	if err != nil {
		return 0
	}
	now, err := time.Parse(time.RFC1123, date)
	if err != nil {
		now = time.Now()
	}
	return bounded(float64(then.Sub(now).Milliseconds()))
}

// bodyWait reads how long the server wants to be left alone from a failure's own words: Google's "retryDelay": "4s",
// and the number of seconds that others give.
func bodyWait(problem json.Value) int64 {
	for detail := range problem.Get("details").Items() {
		if delay := strings.TrimSuffix(detail.Get("retryDelay").Text(), "s"); delay != "" {
			return milliseconds(delay, 1000)
		}
	}
	return milliseconds(problem.Get("retry_after").Text(), 1000)
}

// milliseconds reads a number of units.
func milliseconds(text string, unit float64) int64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0
	}
	return bounded(n * unit)
}

// bounded is a wait that makes sense, else 0.
func bounded(wait float64) int64 {
	if wait > 0 && wait < maxWait {
		return int64(wait)
	}
	return 0
}

// header is the first header of a name, in whatever case a server writes it.
func header(headers []wit.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
