package discord

import "github.com/carapace-gateway/carapace/wit"

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		a.close()
		connect(a)
	case "probe":
		probe(a)
	case "logout":
		logout(a)
	}
}

// logout ends the connection, and the session with it.
func logout(a *answer) {
	a.State.generation++
	a.State.forget()
	a.State.interval, a.State.unacked = 0, false
	a.stopTimers()
	a.close()
	a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
}

// probe says how the account is now, and asks Discord. Neither touches the connection.
func probe(a *answer) {
	if a.State.session != "" && a.State.interval > 0 {
		a.status(wit.ConnectionStateConnected, "")
	} else {
		a.status(wit.ConnectionStateConnecting, "")
	}
	a.request(requestProbe, "", "GET", "/users/@me", nil)
}

// probed says what Discord answered, when that is no good. A token that has become another bot's begins a new session.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.status(wit.ConnectionStateDisconnected, err.Error())
		return
	}
	if me := readUser(r.Value); a.State.me.id != "" && a.State.me.id != me.id {
		a.State.forget()
		a.close()
		connect(a)
	}
}
