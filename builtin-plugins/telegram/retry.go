package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/wit"
)

// Delays in milliseconds.
const (
	firstRetryDelay = 1_000
	// maxRetryDelay is for a server that does not answer, with a quarter more: one that is back is found within five
	// seconds, and to ask one that is not costs next to nothing.
	maxRetryDelay   = 4_000
	slowRetryDelay  = 60_000 // for what an answer of Telegram's, or somebody, has to change first
	tokenRetryDelay = 10_000 // until it is looked again whether the owner has set the token: this costs nothing
	// refusedDelay is between attempts with a token that Telegram refuses. A refusal need not be for good: servers that
	// are being repaired, and proxies, answer 401 and 404 too.
	refusedDelay = 300_000
)

// retryTimer is the timer after which state.retry is tried again.
const retryTimer = "retry"

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something,
// or it is tried again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	switch code := wit.CodeOf(r.err()); {
	case r.failure == nil && code == wit.CodeUnauthorized:
		a.status(wit.ConnectionStateNeedsLogin, "Telegram does not know this bot token: get the token from @BotFather (/token) and give it again with `carapace setup telegram`")
		retryLater(a, kind, refusedDelay)
	case r.failure != nil && (code == wit.CodeUnauthorized || code == wit.CodeNotFound):
		// The kernel could not fill in the token.
		a.status(wit.ConnectionStateNeedsLogin, "get a bot's token from @BotFather: "+r.failure.Message)
		retryLater(a, kind, tokenRetryDelay)
	case code == wit.CodeConflict:
		// Somebody else polls, or has set a webhook just now.
		a.status(wit.ConnectionStateDisconnected, "another program receives this bot's messages: stop it, or give the bot a new token with @BotFather")
		retryLater(a, requestWebhookInfo, a.backoff(slowRetryDelay)) // each attempt cuts the other's poll off
	case r.tooLarge && a.state.limit != 1:
		askForFewer(a)
		retryLater(a, kind, firstRetryDelay)
	case r.failure == nil && (code == wit.CodeInvalid || code == wit.CodeForbidden):
		a.status(wit.ConnectionStateFailed, r.err().Error())
		retryLater(a, kind, slowRetryDelay)
	default:
		a.status(wit.ConnectionStateDisconnected, r.err().Error())
		retryLater(a, kind, a.delayAfter(r))
	}
}

// delayAfter is how long to wait after a failure that passes by itself: as long as Telegram wants, or longer with each
// failure in a row.
func (a *answer) delayAfter(r result) int64 {
	switch code := wit.CodeOf(r.err()); {
	case r.retryAfter > 0:
		return r.retryAfter
	case code == wit.CodeUnavailable || code == wit.CodeTimeout:
		return a.backoff(maxRetryDelay)
	}
	return a.backoff(slowRetryDelay)
}

// backoff is a delay that doubles with each failure in a row, up to most and a quarter more, so that not all accounts
// come back at once.
func (a *answer) backoff(most int64) int64 {
	delay := min(int64(firstRetryDelay)<<min(a.state.failures, 10), most)
	return delay + a.now%(delay/4+1)
}

// askForFewer halves how many updates one poll may bring; Telegram's own limit is 100 (getUpdates, limit).
func askForFewer(a *answer) {
	limit := a.state.limit
	if limit == 0 {
		limit = 100
	}
	a.state.limit = limit / 2
	a.log.Warn("telegram: the updates were too large to read at once; asking for " + strconv.FormatInt(a.state.limit, 10))
}

// pause is how long Telegram is still to be left alone, in milliseconds. More than it may ask for comes of a clock that
// was set back.
func (a *answer) pause() int64 {
	return min(max(a.state.notBefore-a.now, 0), maxRetryAfter*1000)
}

// retryLater has a request tried again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, kind requestKind, delay int64) {
	a.state.failures++
	a.state.retry = kind
	a.timer(retryTimer, max(delay, a.pause()))
}

// recovered notes that a request succeeded: what fails next is the first failure again, and the owner sees that all is
// well.
func recovered(a *answer) {
	if a.state.failures > 0 {
		a.state.failures, a.state.retry = 0, ""
		a.status(wit.ConnectionStateConnected, "")
	}
}

// handleTimer tries again what failed, or asks for the rest of an album.
func handleTimer(a *answer, timer string) {
	if timer == albumTimer {
		resume(a)
		return
	}
	switch a.state.retry {
	case requestFile:
		a.state.retry = "" // a new round, whose failure counts
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
