package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// retryTimer is the timer after which state.retry is tried again.
const retryTimer = "retry"

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something,
// or it is tried again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		message = "get a bot's token from @BotFather: " + message
	case state == wit.ConnectionStateNeedsLogin:
		message = "Telegram does not know this bot token: get the token from @BotFather (/token) and give it again with `carapace setup telegram`"
	case err.Code == wit.CodeConflict:
		// Somebody else polls, or has set a webhook just now; each attempt cuts the other's poll off.
		kind, state, delay = requestWebhookInfo, wit.ConnectionStateDisconnected, account.Backoff(a.State.failures, account.SlowRetry, a.Now)
		message = "another program receives this bot's messages: stop it, or give the bot a new token with @BotFather"
	case r.Large && a.State.limit != 1:
		askForFewer(a)
		retryLater(a, kind, account.FirstRetry)
		return
	}
	a.status(state, message)
	retryLater(a, kind, delay)
}

// askForFewer halves how many updates one poll may bring; Telegram's own limit is 100 (getUpdates, limit).
func askForFewer(a *answer) {
	limit := a.State.limit
	if limit == 0 {
		limit = 100
	}
	a.State.limit = limit / 2
	a.Host.Warn("telegram: the updates were too large to read at once; asking for " + strconv.FormatInt(a.State.limit, 10))
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

// handleTimer tries again what failed, or asks for the rest of an album.
func handleTimer(a *answer, timer string) {
	if timer == albumTimer {
		resume(a)
		return
	}
	switch a.State.retry {
	case requestFile:
		a.State.retry = "" // a new round, whose failure counts
		resume(a)
	case requestUpdates:
		resume(a)
	case requestWebhookInfo, requestDeleteWebhook:
		a.request(requestWebhookInfo, "getWebhookInfo", nil)
	case requestSetWebhook:
		setWebhook(a)
	default:
		a.request(requestMe, "getMe", nil)
	}
}
