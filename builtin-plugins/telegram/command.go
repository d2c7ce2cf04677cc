package telegram

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

// logout stops receiving: the response to the poll that is under way is of an earlier generation, and so
// ignored.
func logout(a *answer) {
	a.State.generation++
	a.stopTimers()
	a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
}

// probe says how the account is now, and asks Telegram. Neither touches the poll that is under way.
func probe(a *answer) {
	if a.State.me.id != "" && a.State.failures == 0 {
		a.status(wit.ConnectionStateConnected, "")
	} else {
		a.status(wit.ConnectionStateConnecting, "")
	}
	a.request(requestProbe, "getMe", nil)
}

// probed says what Telegram answered. When the token has become another bot's, the account starts anew,
// since what is under way asks for the old one's updates.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.status(wit.ConnectionStateDisconnected, err.Error())
		return
	}
	me := readPerson(r.Value)
	if a.State.isAnotherBot(me) {
		connect(a)
		return
	}
	a.State.me = me
	a.status(wit.ConnectionStateConnected, "")
}
