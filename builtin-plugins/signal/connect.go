package signal

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is two steps: the daemon is asked for the account, by which it is known whether there is one and what its id is; then
// the stream of its events is opened. The kernel opens that again when it breaks, and the plugin asks anew why.

// askTimer is the plugin's one timer.
const askTimer = "ask"

// events is the id of the connection.
const events = "events"

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.links, a.State.open, a.State.listening = 0, 0, false, false
	a.status(wit.ConnectionStateConnecting, "")
	ask(a)
}

// ask asks for the account's own entry among its contacts (listContacts).
func ask(a *answer) {
	params := a.Settings.params().Bool("allRecipients", true).Raw("recipient", json.Array{}.Add(json.Text(a.Settings.account)).JSON())
	request(a, "me", "listContacts", params)
}

// request adds a request, whose id says of which generation it is.
func request(a *answer, kind, method string, params json.Object) *wit.HTTPRequest {
	r := a.Settings.rpc(kind+":"+strconv.FormatInt(a.State.generation, 10), method, params)
	a.Out.Requests = append(a.Out.Requests, *r)
	return &a.Out.Requests[len(a.Out.Requests)-1]
}

// handleResponse takes what the daemon answered.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, generation, _ := strings.Cut(response.ID, ":")
	if generation != strconv.FormatInt(a.State.generation, 10) {
		return
	}
	r := decode(response)
	switch kind {
	case "me":
		found(a, r)
	case "link":
		linkStarted(a, r)
	case "linked":
		linkFinished(a, r)
	}
}

// found takes the account's own entry, and opens the stream.
func found(a *answer, r result) {
	if err := r.err(); err != nil {
		delay := account.Backoff(a.State.failures, account.SoonRetry, a.Now)
		a.State.failures++
		if err.Code == wit.CodeUnauthorized {
			link(a, err.Message)
			return
		}
		a.status(wit.ConnectionStateDisconnected, err.Message)
		a.Timer(askTimer, delay)
		return
	}
	for contact := range r.Value.Items() {
		if contact.Get("number").Text() == a.Settings.account {
			a.State.me = contact.Get("uuid").Text()
		}
	}
	a.State.failures = 0
	switch {
	case a.State.open:
		a.status(wit.ConnectionStateConnected, "")
	case !a.State.listening:
		listen(a)
	}
}

// listen opens the stream, once in a generation: the kernel opens it again by itself, and another one in its place would lose
// what is on its way on this one.
func listen(a *answer) {
	a.State.listening = true
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{
		Connection: events, Transport: wit.TransportSSE, URL: a.Settings.url + "/api/v1/events?account=" + form.Escape(a.Settings.account),
	})
}

// opened notes that events come.
func opened(a *answer, _ *wit.Opened) {
	a.State.open, a.State.failures = true, 0
	a.Timer(askTimer, 0)
	a.status(wit.ConnectionStateConnected, "")
}

// closed notes that they do not. The kernel opens the stream again; that an account is gone only an answer says.
func closed(a *answer, _ *wit.Closed) {
	if a.State.open || a.State.failures == 0 {
		a.State.open, a.State.failures = false, 1
		a.status(wit.ConnectionStateDisconnected, unreachable(a.Settings.url))
	}
	ask(a)
}

// unreachable says what to do about a daemon that does not answer.
func unreachable(url string) string {
	return "signal-cli does not answer at " + url + ": start it with `signal-cli daemon --http=127.0.0.1:8080 --receive-mode=on-connection`"
}
