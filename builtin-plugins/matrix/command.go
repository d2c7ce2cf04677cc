package matrix

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
// token stays good; it is the owner's.
func logout(a *answer) {
	a.State.generation++
	a.stopTimers()
	a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
}

// probe says how the account is now, and asks the server. Neither touches the poll that is under way.
func probe(a *answer) {
	if a.State.me.id != "" && a.State.failures == 0 {
		a.status(wit.ConnectionStateConnected, "")
	} else {
		a.status(wit.ConnectionStateConnecting, "")
	}
	a.request(requestProbe, "", "GET", client+"/account/whoami")
}

// probed says what the server answered. When the token has become another account's, all starts anew, since what is
// under way asks for the old one's rooms.
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
