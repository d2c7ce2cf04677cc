package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// With mode webhook Feishu calls by itself, so there is nothing to be connected to; with mode connection a websocket is opened once the
// bot is known (socket.go). Whether the app's id and secret are good is asked at the
// start, and then every half hour: a send would be the first to notice.

const (
	askTimer = "ask"       // it is asked who the bot is
	askEvery = 30 * 60_000 // how often it is asked who the bot is, in milliseconds
)

// connect begins anew; what was asked before is of an earlier generation from now on. What was to be found out of a message
// that somebody reacted to is asked again.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.since, a.State.pieces, a.State.opening = 0, 0, nil, false
	a.status(wit.ConnectionStateConnecting, "")
	ask(a)
	locate(a)
}

// fired goes on when a timer says so.
func fired(a *answer, timer string) {
	switch timer {
	case placeTimer:
		locate(a)
	case openTimer:
		askEndpoint(a)
	case pingTimer:
		ping(a)
	default:
		ask(a)
	}
}

// ask asks who the bot is ("Obtain bot info").
func ask(a *answer) { a.get(toMe, "", "/bot/v3/info") }

// introduced takes what Feishu says of the bot.
func introduced(a *answer, r result) {
	bot := r.Value.Get("bot")
	if r.ok() && bot.Get("open_id").Text() == "" {
		r.foreign()
	}
	err := r.err()
	if err == nil {
		a.State.me = me{id: bot.Get("open_id").Text(), name: bot.Get("app_name").Text()}
		a.Timer(askTimer, askEvery)
		keyed, err := a.Host.HasCredential("encryptKey", a.Account)
		switch {
		case !a.Settings.connects && err == nil && !keyed:
			a.status(wit.ConnectionStateNeedsLogin, "Feishu's calls are refused without an Encrypt Key: give it with `carapace setup feishu`, or set `mode` to connection")
		case !a.Settings.connects || a.State.since != 0:
			a.State.failures = 0
			a.status(wit.ConnectionStateConnected, "")
		case !a.State.opening:
			a.State.failures = 0
			askEndpoint(a)
		}
		return
	}
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	a.State.failures++
	a.status(state, err.Message)
	a.Timer(askTimer, delay)
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		if a.State.me.id != "" && a.State.failures == 0 && (!a.Settings.connects || a.State.since != 0) {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		ask(a)
	case "logout":
		a.State.generation++
		for _, id := range []string{askTimer, openTimer, pingTimer} {
			a.Timer(id, 0)
		}
		if a.Settings.connects {
			a.State.since, a.State.opening, a.Out.Close = 0, false, append(a.Out.Close, socketID)
		}
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to be told how the bot is")
	}
}
