package line

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// LINE calls by itself, so there is nothing to be connected to. Whether the channel's id and secret are good is asked at the
// start, and then every half hour: a send would be the first to notice.

const (
	askTimer = "ask"       // the plugin's one timer
	askEvery = 30 * 60_000 // how often it is asked who the account is, in milliseconds
)

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures = 0
	a.status(wit.ConnectionStateConnecting, "")
	ask(a)
}

// ask asks who the account is ("Get bot info").
func ask(a *answer) { a.get(toMe, "", "/info") }

// introduced takes what LINE says of the account.
func introduced(a *answer, r result) {
	if r.Success() && r.Value.Get("userId").Text() == "" {
		r.foreign()
	}
	err := r.err()
	if err == nil {
		a.State.me = me{id: r.Value.Get("userId").Text(), basic: r.Value.Get("basicId").Text(), name: r.Value.Get("displayName").Text()}
		a.State.failures = 0
		message := ""
		if r.Value.Get("chatMode").Text() == "chat" {
			message = "the account's chat is on, so people may be answered by hand and by the assistant: turn it off in the LINE Official Account Manager, Settings > Response settings"
		}
		a.status(wit.ConnectionStateConnected, message)
		a.Timer(askTimer, askEvery)
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
		if a.State.me.id != "" && a.State.failures == 0 {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		ask(a)
	case "logout":
		a.State.generation++
		a.Timer(askTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to be told how the account is")
	}
}
