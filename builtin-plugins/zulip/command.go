package zulip

import "github.com/carapace-gateway/carapace/wit"

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		probe(a)
	case "logout":
		logout(a)
	}
}

// logout stops receiving: the response to the poll that is under way is of an earlier generation, and so ignored. The
// API key stays good; it is the owner's.
func logout(a *answer) {
	a.State.generation++
	a.Timer(retryTimer, 0)
	a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
}

// probe says how the account is now, and asks the server. Neither touches the poll that is under way.
func probe(a *answer) {
	if a.State.me.id != "" && a.State.failures == 0 {
		a.status(wit.ConnectionStateConnected, "")
	} else {
		a.status(wit.ConnectionStateConnecting, "")
	}
	a.request(requestProbe, "", "GET", "/users/me", nil)
}

// probed says what the server answered. When the API key has become another account's, all starts anew.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.status(wit.ConnectionStateDisconnected, err.Error())
		return
	}
	if r.Value.Get("user_id").Text() != a.State.me.id {
		connect(a)
		return
	}
	a.status(wit.ConnectionStateConnected, "")
}
