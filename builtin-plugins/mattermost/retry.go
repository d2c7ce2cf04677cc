package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// The plugin's timers.
const (
	retryTimer = "retry" // after it users/me is asked for again
	helloTimer = "hello" // a connection has said nothing
	namesTimer = "names" // events wait no longer for names
	gapTimer   = "gap"   // what was missed is read on
)

// requestFailed decides what becomes of users/me that did not succeed: the owner has to mend something, or it is tried again,
// or both.
func requestFailed(a *answer, r result) {
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	if state == wit.ConnectionStateNeedsLogin && r.Failure != nil {
		message += ": " + newToken
	}
	a.status(state, message)
	retryLater(a, delay)
}

// retryLater connects again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, delay int64) {
	a.State.failures++
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// handleTimer tries again what failed, gives up a connection that says nothing, or lets events go without names.
func handleTimer(a *answer, timer string) {
	switch timer {
	case namesTimer:
		a.State.asked = nil
		release(a, true)
	case helloTimer:
		lost(a, "Mattermost's connection says nothing")
	case retryTimer:
		a.request(requestMe, "", "GET", "/users/me", nil)
	case gapTimer:
		readOn(a)
	}
}
