package slack

import "github.com/carapace-gateway/carapace/wit"

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		a.Out.Close = append(a.Out.Close, firstSocket, secondSocket)
		connect(a)
	case "probe":
		probe(a)
	case "logout":
		logout(a)
	}
}

// logout stops receiving.
func logout(a *answer) {
	connect(a)
	a.Out.Requests, a.Out.Close = nil, []string{firstSocket, secondSocket}
	a.State.retry = ""
	a.Timer(retryTimer, 0)
	a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
}

// probe says how the account is now, and asks Slack. Neither touches the connection.
func probe(a *answer) {
	a.current("")
	a.request(requestProbe, "", botToken, "auth.test", nil)
}

// current says how the account is now.
func (a *answer) current(trouble string) {
	switch {
	case trouble != "":
		a.status(wit.ConnectionStateDisconnected, trouble)
	case a.State.socket != "" || a.Settings.events && a.State.me.user != "" && a.State.failures == 0:
		a.status(wit.ConnectionStateConnected, "")
	default:
		a.status(wit.ConnectionStateConnecting, "")
	}
}

// probed says what Slack answered.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.current(err.Error())
		return
	}
	a.State.me = readIdentity(r)
	a.current("")
}
