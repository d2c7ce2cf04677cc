package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// retryTimer is the timer after which state.retry is tried again.
const retryTimer = "retry"

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something, or it is
// tried again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		message = howKey + ": " + message
	case state == wit.ConnectionStateNeedsLogin:
		kind, message = requestMe, "the server does not take the bot's email and API key, "+r.message()+": "+howKey
	case r.Large && (kind == requestEvents || kind == requestMissed && a.State.page != 1):
		tooMuch(a, kind)
		return
	}
	a.status(state, message)
	retryLater(a, kind, delay)
}

// howKey says what to do without a login that is good.
const howKey = "take them from Settings > Your bots in Zulip and give them with `carapace setup zulip`"

// retryLater has a request tried again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, kind requestKind, delay int64) {
	a.State.failures++
	a.State.retry, a.State.connected = kind, false
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// handleTimer tries again what failed.
func handleTimer(a *answer, _ string) {
	if a.State.retry == requestMe || a.State.retry == "" {
		askMe(a)
		return
	}
	resume(a)
}
