package mattermost

import "github.com/carapace-gateway/carapace/wit"

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		a.Out.Close = append(a.Out.Close, socket)
		connect(a)
	case "probe":
		a.current("")
		a.request(requestProbe, "", "GET", "/users/me", nil)
	case "logout":
		connect(a)
		a.Out.Requests, a.Out.Close = nil, []string{socket}
		a.Timer(retryTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
	}
}

// current says how the account is now.
func (a *answer) current(trouble string) {
	switch {
	case trouble != "":
		a.status(wit.ConnectionStateDisconnected, trouble)
	case a.State.live:
		a.status(wit.ConnectionStateConnected, "")
	default:
		a.status(wit.ConnectionStateConnecting, "")
	}
}

// probed says what Mattermost answered. It does not touch the connection.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.current(err.Error())
		return
	}
	a.current("")
}
