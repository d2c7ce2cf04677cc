package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is: where there is a session, its gateway is opened and the session resumed; else Discord is asked where the
// gateway is (Get Gateway Bot), and a session begun there.

// connect begins anew; what is under way is of an earlier generation from now on. A pause that Discord has asked for
// goes on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.missed, a.State.idle, a.State.interval, a.State.unacked = 0, 0, 0, 0, false
	a.stopTimers()
	a.status(wit.ConnectionStateConnecting, "")
	if len(a.State.held) > 0 {
		a.State.tries = 0
		askForPlaces(a)
	}
	reach(a)
}

// maxMissed is how often in a row a session's own gateway may not answer before Discord is asked for another one ("Handling a
// Disconnect").
const maxMissed = 3

// reach opens the gateway, or asks where it is.
func reach(a *answer) {
	switch pause := account.Pause(a.State.notBefore, a.Now); {
	case pause > 0:
		a.status(wit.ConnectionStateDisconnected, "Discord has asked for a pause: it goes on after "+account.Seconds(pause))
		a.Timer(retryTimer, pause)
	case a.Settings.gateway != "":
		a.open(a.Settings.gateway)
	case a.State.session != "" && a.State.resume != "" && a.State.missed < maxMissed:
		a.open(a.State.resume)
	default:
		a.request(requestGateway, "", "GET", "/gateway/bot", nil)
	}
}

// withVersion is a gateway's URL with what it has to say ("Gateway URL Query String Params").
func withVersion(url string) string {
	if strings.Contains(url, "?") {
		return url
	}
	if strings.Count(url, "/") < 3 {
		url += "/"
	}
	return url + "?v=10&encoding=json"
}

// isGateway reports whether a URL can be one of a gateway.
func isGateway(url string) bool {
	return strings.HasPrefix(url, "wss://") || strings.HasPrefix(url, "ws://")
}

// located takes what Discord said about the gateway. Sessions that are begun are counted: when no more may be, it has to
// wait, since one more would cost the bot its token ("Identifying").
func located(a *answer, r result) {
	if !r.ok {
		gatewayFailed(a, r)
		return
	}
	a.State.failures = 0
	limit := r.Value.Get("session_start_limit")
	if remaining := limit.Get("remaining"); a.State.session == "" && remaining.Exists() && remaining.Int() <= 0 {
		after := min(max(limit.Get("reset_after").Int(), account.FirstRetry), account.MaxPause)
		a.State.notBefore = a.Now + after
		reach(a)
		return
	}
	url := r.Value.Get("url").Text()
	if !isGateway(url) {
		a.status(wit.ConnectionStateFailed, "Discord names no gateway; is apiRoot right?")
		retryLater(a, account.SlowRetry)
		return
	}
	a.open(url)
}

// gatewayFailed decides what becomes of a question that was not answered: the owner has to mend something, or it is asked
// again, or both.
func gatewayFailed(a *answer, r result) {
	if r.Wait > 0 {
		a.State.notBefore = a.Now + r.Wait
	}
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		a.status(state, "get a bot's token from discord.com/developers/applications: "+err.Message)
	case state == wit.ConnectionStateNeedsLogin:
		badToken(a)
		return
	default:
		a.status(state, err.Message)
	}
	retryLater(a, delay)
}

// badToken says that Discord does not know the token. A refusal need not be for good: it is tried again now and then.
func badToken(a *answer) {
	a.status(wit.ConnectionStateNeedsLogin, "Discord does not know this bot token: reset it at discord.com/developers/applications (your application, Bot, Reset Token) and give the new one with `carapace setup discord`")
	retryLater(a, account.RefusedRetry)
}

// retryTimer is the timer after which the gateway is looked for again.
const retryTimer = "retry"

// retryLater looks for the gateway again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, delay int64) {
	a.State.failures++
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// handleTimer does what is due.
func handleTimer(a *answer, timer string) {
	switch timer {
	case beatTimer:
		beat(a)
	case retryTimer:
		reach(a)
	case placeTimer:
		askForPlaces(a)
	}
}

// handleResponse takes the response to a request of an earlier answer.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[requestKind](response.ID, a.State.generation)
	if !current {
		return
	}
	r := decode(response)
	switch kind {
	case requestGateway:
		located(a, r)
	case requestChannel:
		placeFound(a, which, r)
	case requestCommands:
		commandsRegistered(a, which, r)
	case requestProbe:
		probed(a, r)
	case requestAck:
		if err := r.err(); err != nil {
			a.Host.Info("discord: an interaction was not acknowledged in time: " + err.Error())
		}
	}
}
