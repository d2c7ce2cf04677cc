package account

import (
	"strconv"

	"github.com/carapace-gateway/carapace/wit"
)

// Delays in milliseconds.
const (
	FirstRetry = 1_000
	// SoonRetry is the most for a server that does not answer, with a quarter more: one that is back is found within five seconds,
	// and to ask one that is not costs next to nothing.
	SoonRetry    = 4_000
	SlowRetry    = 60_000  // for what an answer of the platform's, or somebody, has to change first
	TokenRetry   = 10_000  // until it is looked again whether the owner has set a credential: this costs nothing
	RefusedRetry = 300_000 // after a refused token, which need not be for good: servers that are being repaired answer so too
	// Lasting is how long a connection lives that was a good one: there are routers and proxies that end each after half a minute.
	Lasting = 10_000
	// MaxPause bounds what a platform may ask for: after a day it is tried again anyway.
	MaxPause = 24 * 60 * 60 * 1000
)

// Backoff is how long to wait in milliseconds after so many failures in a row: a second that doubles with each, up to most, and a
// quarter more by now, the time, so that not all accounts come back at once.
func Backoff(failures, most, now int64) int64 {
	delay := min(int64(FirstRetry)<<min(max(failures, 0), 10), most)
	return delay + max(now, 0)%(delay/4+1)
}

// Retry is how a request that failed leaves an account, and in how many milliseconds to try again. fromKernel says that the kernel
// has failed, not the platform: where a credential is missing then, the owner has not set it yet. failures counts those before in
// a row. What the platform tells in err of the time to wait counts more.
func Retry(err *wit.Error, fromKernel bool, failures, now int64) (wit.ConnectionState, int64) {
	switch code := err.Code; {
	case fromKernel && (code == wit.CodeUnauthorized || code == wit.CodeNotFound):
		return wit.ConnectionStateNeedsLogin, TokenRetry
	case code == wit.CodeUnauthorized:
		return wit.ConnectionStateNeedsLogin, RefusedRetry
	case err.RetryAfter != nil && *err.RetryAfter > 0:
		return wit.ConnectionStateDisconnected, *err.RetryAfter
	case code == wit.CodeUnavailable || code == wit.CodeTimeout:
		return wit.ConnectionStateDisconnected, Backoff(failures, SoonRetry, now)
	case code.Transient() || code == wit.CodeInternal:
		return wit.ConnectionStateDisconnected, Backoff(failures, SlowRetry, now)
	}
	return wit.ConnectionStateFailed, SlowRetry
}

// Pause is how long in milliseconds a platform is still to be left alone that has asked for that until a time in milliseconds since
// 1970. More than MaxPause comes of a clock that was set back.
func Pause(until, now int64) int64 { return min(max(until-now, 0), MaxPause) }

// Seconds writes a time in milliseconds for people.
func Seconds(ms int64) string { return strconv.FormatInt((ms+999)/1000, 10) + " seconds" }
