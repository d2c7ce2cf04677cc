package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// retryDelays have jitter, so that a platform that comes back is not run over.
var retryDelays = retry.Backoff{Min: time.Second, Max: 5 * time.Minute, Jitter: true}

const (
	// maxInternal is how often an error that a plugin should not make is tried again.
	maxInternal = 5
	// giveUp is how long after its first failure a message is tried.
	giveUp = 24 * time.Hour
	// longestAsked bounds the pause that a platform may ask for.
	longestAsked = 24 * time.Hour
)

// Answered reports whether an error is the plugin's word, and not the end of the call's time: only then is it
// certain that the piece has not arrived.
func Answered(err error) bool {
	return !errors.Is(err, context.Canceled) && wit.CodeOf(err) != wit.CodeTimeout && wit.CodeOf(err) != wit.CodeUnavailable
}

// permanent reports whether trying again after so many attempts is useless.
func permanent(e *wit.Error, attempts int) bool {
	switch e.Code {
	case wit.CodeRateLimited, wit.CodeUnavailable, wit.CodeTimeout:
		return false
	case wit.CodeInternal:
		return !e.Retryable && attempts >= maxInternal
	}
	return !e.Retryable
}

// pause is how long to wait after the nth failed attempt, and never less than what the platform asked for.
func pause(n int, e *wit.Error) time.Duration {
	return max(retryDelays.Delay(n), retry.Asked(e.RetryAfter, longestAsked))
}

// isGone reports whether a write found that the owner has removed the message.
func isGone(err error) bool { return errors.Is(err, errGone) }

// after is the step behind a persisted write: then when it was done, the next message when this one is gone,
// and nothing when the gateway stops before the store took it.
func after(err error, then step) step {
	switch {
	case err == nil:
		return then
	case isGone(err):
		return step{pop: true}
	}
	return step{}
}
