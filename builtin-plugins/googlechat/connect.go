package googlechat

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Google calls by itself, so there is nothing to be connected to. Whether the service account's key is good is asked at the
// start and then every half hour.

// askTimer is the plugin's one timer.
const askTimer = "ask"

// askEvery is how often it is asked whether the token is taken, in milliseconds.
const askEvery = 30 * 60_000

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.good = 0, false
	if a.Settings.project == "" {
		a.Timer(askTimer, 0)
		a.Status(wit.ConnectionStateFailed, "projectNumber is not set: it stands on the Dashboard of your project in the Google Cloud console", nil)
		return
	}
	a.Status(wit.ConnectionStateConnecting, "", nil)
	ask(a)
}

// ask asks for one of the spaces in which the app is (spaces.list).
func ask(a *answer) {
	a.Request(wit.HTTPRequest{
		ID: account.RequestID(askTimer, a.State.generation, ""), URL: a.Settings.api + "v1/spaces?pageSize=1", Headers: authorized(), Timeout: callTimeout,
	})
}

// answered takes what Google says of the token.
func answered(a *answer, response *wit.HTTPResponse) {
	if response.ID != account.RequestID(askTimer, a.State.generation, "") {
		return // asked before the account was started anew, or logged out
	}
	r := decode(response)
	err := r.err()
	if err == nil {
		a.State.failures, a.State.good = 0, true
		a.Status(wit.ConnectionStateConnected, "", nil)
		a.Timer(askTimer, askEvery)
		return
	}
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	a.State.failures++
	a.State.good = false
	a.Status(state, err.Message, nil)
	a.Timer(askTimer, delay)
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		if a.State.good {
			a.Status(wit.ConnectionStateConnected, "", nil)
		} else {
			a.Status(wit.ConnectionStateConnecting, "", nil)
		}
		ask(a)
	case "logout":
		a.State.generation++
		a.Timer(askTimer, 0)
		a.Status(wit.ConnectionStateDisconnected, "logged out; log in again to be told how the app is", nil)
	}
}
