package teams

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// The connector calls by itself, so there is nothing to be connected to. Whether the app's secret is good is asked at the start
// and then every half hour: secrets end, and a send would be the first to notice.

// askTimer is the plugin's one timer.
const askTimer = "ask"

// askEvery is how often it is asked whether the token is taken, in milliseconds.
const askEvery = 30 * 60_000

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.good = 0, false
	if a.Settings.app == "" || a.Settings.tenant == "" {
		a.Timer(askTimer, 0)
		a.status(wit.ConnectionStateFailed, "appId or tenantId is not set: they stand in the Azure portal, your Azure Bot, Settings > Configuration")
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	ask(a)
}

// ask asks for conversations (Bot Connector API, "Get Conversations"). Teams lists none, but says first whether it takes the token.
func ask(a *answer) {
	service := a.State.service("")
	if service == "" {
		service = a.Settings.service
	}
	a.Request(wit.HTTPRequest{
		ID: account.RequestID(askTimer, a.State.generation, ""), URL: slashed(service) + "v3/conversations", Headers: authorized(), Timeout: callTimeout,
	})
}

// answered takes what the connector says, of the token or of a file.
func answered(a *answer, response *wit.HTTPResponse) {
	if _, ok := uploadOf(response.ID); ok {
		uploaded(a, response)
		return
	}
	if strings.HasPrefix(response.ID, tallyMark) {
		a.showed(response.ID)
		return
	}
	if response.ID != account.RequestID(askTimer, a.State.generation, "") {
		return // asked before the account was started anew, or logged out
	}
	r := decode(response)
	err := r.err()
	if err == nil || r.Failure == nil && !err.Code.Transient() && err.Code != wit.CodeUnauthorized {
		a.State.failures, a.State.good = 0, true
		a.status(wit.ConnectionStateConnected, "")
		a.Timer(askTimer, askEvery)
		return
	}
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	a.State.failures++
	a.State.good = false
	a.status(state, err.Message)
	a.Timer(askTimer, delay)
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		if a.State.good {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		ask(a)
	case "logout":
		a.State.generation++
		a.Timer(askTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to be told how the bot is")
	}
}
