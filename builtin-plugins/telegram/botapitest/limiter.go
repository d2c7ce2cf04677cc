package botapitest

import (
	"slices"
	"time"
)

// limiter refuses messages that come too fast.
type limiter struct {
	interval time.Duration       // Config.ChatInterval
	rate     int                 // Config.GlobalRate
	last     map[int64]time.Time // of the last message, by chat
	recent   []time.Time         // of the messages within a second
}

// take counts a message to chat, or says how many seconds to wait.
func (l *limiter) take(chat int64, now time.Time) *apiError {
	if wait := l.last[chat].Add(l.interval).Sub(now); l.interval > 0 && wait > 0 {
		return tooMany(wait)
	}
	if l.rate > 0 {
		l.recent = slices.DeleteFunc(l.recent, func(t time.Time) bool { return now.Sub(t) >= time.Second })
		if len(l.recent) >= l.rate {
			return tooMany(l.recent[0].Add(time.Second).Sub(now))
		}
		l.recent = append(l.recent, now)
	}
	l.last[chat] = now
	return nil
}

// tooMany is the answer 429, which names whole seconds.
func tooMany(wait time.Duration) *apiError {
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	return &apiError{Code: 429, Description: "Too Many Requests: retry after " + itoa(int64(seconds)), RetryAfter: seconds}
}
