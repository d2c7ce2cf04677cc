package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// The plugin's timers.
const (
	retryTimer = "retry" // after it state.retry is tried again
	helloTimer = "hello" // a connection has not said hello
	namesTimer = "names" // envelopes wait no longer for names
)

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something, or it is tried
// again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	if kind == requestOpen {
		a.State.asking = false
	}
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		message += ": get it from the app's page at api.slack.com/apps, and give it with `carapace setup slack`"
	case r.Failure == nil && state != wit.ConnectionStateDisconnected:
		message = refusal(kind, r)
	}
	// While there is a connection, it is its successor that is late.
	if state != wit.ConnectionStateDisconnected || kind != requestOpen || a.State.socket == "" {
		a.status(state, message)
	}
	retryLater(a, kind, delay)
}

// refusal says what the owner can do about a token that Slack refuses.
func refusal(kind requestKind, r result) string {
	switch {
	case kind != requestOpen:
		return r.err().Error()
	case r.is("missing_scope"):
		return "the app token may not open connections: make one with the scope connections:write under Basic Information, App-Level Tokens, and give it with `carapace setup slack`"
	case wit.CodeOf(r.err()) == wit.CodeUnauthorized:
		return "Slack does not take the app token (" + r.reason + "): make one with the scope connections:write under Basic Information, App-Level Tokens, and give it with `carapace setup slack`"
	}
	return r.err().Error() + ": is Socket Mode on in the app's settings?"
}

// retryLater has a request tried again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, kind requestKind, delay int64) {
	a.State.failures++
	a.State.retry = kind
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// handleTimer tries again what failed, gives up a connection that says nothing, or lets envelopes go without names.
func handleTimer(a *answer, timer string) {
	switch timer {
	case namesTimer:
		a.State.asked = nil
		release(a, true)
	case helloTimer:
		if opening := a.State.opening; opening != "" {
			a.Out.Close = append(a.Out.Close, opening)
			lost(a, opening, "Slack's connection said no hello")
		}
	case retryTimer:
		if a.State.retry == requestOpen {
			openSocket(a)
			return
		}
		a.request(requestMe, "", botToken, "auth.test", nil)
	}
}
