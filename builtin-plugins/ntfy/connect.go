package ntfy

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is two steps. First the server is asked whether the topics may be read: a refused websocket says nothing of why. Then
// the websocket is opened. The kernel opens it again when it breaks, since the time that is known then, and where that does
// not succeed the server is asked again.

// connection is the id of the websocket.
const connection = "topics"

// checkTimer is the plugin's one timer.
const checkTimer = "check"

// callTimeout is how long a request may take, in milliseconds.
const callTimeout = 20_000

// overlap is how much of what is known is asked for again, in seconds.
const overlap = 60

// connect begins anew; what was asked before is of an earlier generation from now on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.listening, a.State.open = 0, false, false
	if len(a.Settings.topics) == 0 {
		a.Timer(checkTimer, 0)
		a.Status(wit.ConnectionStateFailed, "topic is not set, or not a name of up to 64 letters, digits, - and _: choose one that nobody guesses, and subscribe to it in the app", nil)
		return
	}
	a.Status(wit.ConnectionStateConnecting, "", nil)
	check(a)
}

// check asks for none of the topics' messages ("Poll for messages", "Fetch cached messages").
func check(a *answer) {
	a.Request(wit.HTTPRequest{
		ID: account.RequestID("check", a.State.generation, ""), URL: a.Settings.server + "/" + a.Settings.all() + "/json?poll=1&since=none",
		Headers: a.Settings.headers(), Timeout: callTimeout,
	})
}

// checked takes the answer to that.
func checked(a *answer, response *wit.HTTPResponse) {
	if _, _, current := account.ParseRequestID[string](response.ID, a.State.generation); !current {
		return // asked before the account was started anew, or logged out
	}
	r := decode(response)
	err := r.err()
	switch {
	case err != nil:
		a.failed(err, r.Failure != nil)
	case a.State.open:
		a.Status(wit.ConnectionStateConnected, "", nil)
	case !a.State.listening:
		a.State.failures = 0
		listen(a)
	}
}

// failed says why topics cannot be read. What somebody has to mend is not tried meanwhile.
func (a *answer) failed(err *wit.Error, fromKernel bool) {
	state, delay := account.Retry(err, fromKernel, a.State.failures, a.Now)
	if err.Code == wit.CodeForbidden {
		state, delay = wit.ConnectionStateNeedsLogin, account.RefusedRetry
	}
	a.State.failures++
	if state != wit.ConnectionStateDisconnected && a.State.listening {
		a.State.listening, a.State.open = false, false
		a.Out.Close = append(a.Out.Close, connection)
	}
	a.Status(state, err.Message, nil)
	a.Timer(checkTimer, delay)
}

// listen opens the websocket ("WebSockets"). The first time ever it brings what is new only.
func listen(a *answer) {
	a.State.listening = true
	url := "ws" + a.Settings.server[len("http"):] + "/" + a.Settings.all() + "/ws"
	if a.State.since > 0 {
		url += "?since=" + strconv.FormatInt(max(a.State.begun, a.State.since-overlap), 10)
	}
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{Connection: connection, Transport: wit.TransportWebsocket, URL: url, Headers: a.Settings.headers()})
}

// opened notes that the websocket is there. Messages come once the server says that it is subscribed.
func opened(a *answer, _ *wit.Opened) { a.State.open = true }

// subscribed notes that messages come, since a time of the server's where it is the first time ever.
func subscribed(a *answer, time int64) {
	if a.State.begun == 0 {
		a.State.begun, a.State.since = time, time
	}
	a.State.failures = 0
	a.Timer(checkTimer, 0)
	a.Status(wit.ConnectionStateConnected, "", nil)
}

// closed notes that they do not, and has the websocket opened with what comes meanwhile, which the kernel tries until it
// can be. Why it cannot, only an answer says.
func closed(a *answer, _ *wit.Closed) {
	if !a.State.listening {
		return // it was closed here
	}
	if !a.State.open {
		check(a)
		return
	}
	a.State.open = false
	a.Status(wit.ConnectionStateDisconnected, "the connection to "+a.Settings.server+" is broken and made again", nil)
	listen(a)
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		check(a)
	case "logout":
		a.State.generation++
		a.State.listening, a.State.open = false, false
		a.Timer(checkTimer, 0)
		a.Out.Close = append(a.Out.Close, connection)
		a.Status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages", nil)
	}
}
