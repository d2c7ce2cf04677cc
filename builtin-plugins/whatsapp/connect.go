package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Meta calls by itself, so there is nothing to be connected to. Whether the token and the number's id are good is asked at
// the start, and then every half hour: tokens of the dashboard end after a day, and a send would be the first to notice.

// askTimer is the plugin's one timer.
const askTimer = "ask"

// askEvery is how often it is asked how the number is, in milliseconds.
const askEvery = 30 * 60_000

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures = 0
	if a.Settings.phone == "" {
		a.Timer(askTimer, 0)
		a.status(wit.ConnectionStateFailed, "phoneNumberId is not set: it stands below the number in the app's dashboard, WhatsApp > API Setup")
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	ask(a)
}

// ask asks who the number is (Business phone numbers, "Get a single phone number").
func ask(a *answer) {
	a.Out.Requests = append(a.Out.Requests, wit.HTTPRequest{
		ID: account.RequestID(requestMe, a.State.generation, ""), URL: a.Settings.api + "/" + a.Settings.phone + "?fields=display_phone_number,verified_name",
		Headers: authorized(), Timeout: callTimeout,
	})
}

// request is what a call is for.
type request string

const (
	requestMe   request = "me"
	requestMenu request = "menu"
)

// answered takes what Meta says, unless it was asked before the account was started anew, or logged out.
func answered(a *answer, response *wit.HTTPResponse) {
	switch what, _, current := account.ParseRequestID[request](response.ID, a.State.generation); {
	case !current:
	case what == requestMe:
		introduced(a, response)
	case what == requestMenu:
		menuSet(a, response)
	}
}

// introduced takes what Meta says of the number.
func introduced(a *answer, response *wit.HTTPResponse) {
	r := decode(response)
	if r.Success() && r.Value.Get("id").Text() == "" {
		r.foreign()
	}
	err := r.err()
	if err == nil {
		a.State.me = me{number: digits(r.Value.Get("display_phone_number").Text()), name: r.Value.Get("verified_name").Text()}
		a.State.failures = 0
		a.status(wit.ConnectionStateConnected, "")
		a.Timer(askTimer, askEvery)
		offerMenu(a)
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
		if a.State.me.number != "" && a.State.failures == 0 {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		ask(a)
	case "logout":
		a.State.generation++
		a.Timer(askTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to be told how the number is")
	}
}

// digits are those of a number as people write it.
func digits(number string) string {
	out := []byte{}
	for i := range len(number) {
		if c := number[i]; c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}
