package matrix

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// retryTimer is the timer after which state.retry is tried again, joinTimer that of rooms to join.
const (
	retryTimer = "retry"
	joinTimer  = "join"
)

// stopTimers stops all of the plugin's timers.
func (a *answer) stopTimers() {
	a.Timer(retryTimer, 0)
	a.Timer(joinTimer, 0)
}

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something, or it is
// tried again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		message = howToken + ": " + message
	case state == wit.ConnectionStateNeedsLogin:
		kind, message = requestMe, r.loginAdvice()
	case r.Large && a.State.limit != 1:
		askForFewer(a)
		retryLater(a, kind, account.FirstRetry)
		return
	}
	a.status(state, message)
	retryLater(a, kind, delay)
}

// loginAdvice says what became of the token.
func (r result) loginAdvice() string {
	if r.softLogout {
		return "the bot's login has ended (it may go on under a new one): " + howToken
	}
	return "the server does not take the bot's access token, " + r.message() + ": " + howToken
}

// askForFewer halves how many events of each room a sync or a page may bring.
func askForFewer(a *answer) {
	limit := a.State.limit
	if limit == 0 {
		limit = syncEvents
	}
	a.State.limit = max(limit/2, 1)
	a.Host.Warn("matrix: an answer was too large to read at once; asking for " + strconv.FormatInt(a.State.limit, 10) + " events of a room")
}

// retryLater has a request tried again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, kind requestKind, delay int64) {
	a.State.failures++
	a.State.retry = kind
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// recovered notes that a request succeeded: what fails next is the first failure again, and the owner sees that all is
// well.
func recovered(a *answer) {
	if a.State.failures > 0 {
		a.State.failures, a.State.retry = 0, ""
		a.status(wit.ConnectionStateConnected, "")
	}
}

// handleTimer tries again what failed.
func handleTimer(a *answer, timer string) {
	if timer == joinTimer {
		askJoins(a)
		return
	}
	switch a.State.retry {
	case requestMe:
		askMe(a)
	case requestProfile:
		a.request(requestProfile, "", "GET", client+"/profile/"+form.Escape(a.State.me.id))
	case requestSync, requestPage:
		resume(a)
	default:
		askVersions(a)
	}
}
