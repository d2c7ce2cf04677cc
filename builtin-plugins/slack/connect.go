package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain: auth.test; for Socket Mode apps.connections.open, whose answer has the address of a websocket
// that can be opened once; the websocket, which says hello. Slack closes each after some hours, and says so before
// ("Disconnects"): then another one is opened beside it, and takes its place when it has said hello. So there are two
// connections, of which mostly one is open.
const (
	firstSocket  = "a"
	secondSocket = "b"
)

// helloTimeout is how long a connection may take to say hello, in milliseconds.
const helloTimeout = 30_000

// connect begins anew; what is under way is of an earlier generation from now on. A pause that Slack has asked for goes
// on: whoever asks before it is over is made to wait longer.
func connect(a *answer) {
	s := &a.State
	s.generation++
	s.failures, s.retry, s.socket, s.opening, s.since, s.asking = 0, "", "", "", 0, false
	s.asked, s.held, s.nameless = nil, nil, false
	for _, id := range []string{retryTimer, helloTimer, namesTimer} {
		a.Timer(id, 0)
	}
	if pause := account.Pause(a.State.notBefore, a.Now); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "Slack has asked for a pause: it goes on after "+account.Seconds(pause))
		retryLater(a, requestMe, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	a.request(requestMe, "", botToken, "auth.test", nil)
}

// identified notes who the bot is, and sees to it that events come here.
func identified(a *answer, r result) {
	a.State.me = readIdentity(r)
	a.State.failures, a.State.retry = 0, ""
	if a.Settings.events {
		a.status(wit.ConnectionStateConnected, "") // Slack calls
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	openSocket(a)
}

// readIdentity reads the answer to auth.test.
func readIdentity(r result) identity {
	v := r.Value
	return identity{v.Get("user_id").Text(), v.Get("bot_id").Text(), v.Get("user").Text(), v.Get("team_id").Text()}
}

// openSocket asks for the address of a websocket, unless one is on its way.
func openSocket(a *answer) {
	if a.Settings.events || a.State.asking || a.State.opening != "" {
		return
	}
	a.State.asking = true
	a.request(requestOpen, "", appToken, "apps.connections.open", nil)
}

// socketFound opens the websocket at the address that Slack has given.
func socketFound(a *answer, url string) {
	a.State.asking = false
	if !strings.Contains(url, "://") {
		a.status(wit.ConnectionStateDisconnected, "Slack has given no address of a websocket")
		retryLater(a, requestOpen, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
		return
	}
	id := firstSocket
	if a.State.socket == firstSocket {
		id = secondSocket
	}
	a.State.opening = id
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{Connection: id, Transport: wit.TransportWebsocket, URL: inert(url), Once: true})
	a.Timer(helloTimer, helloTimeout)
}

// greeted notes that a connection has said hello: envelopes come on it from now on. The one before may still bring some
// until Slack closes it.
func greeted(a *answer, connection string) {
	if a.State.opening == connection {
		a.State.opening = ""
	}
	a.State.socket, a.State.since, a.State.retry = connection, a.Now, ""
	a.Timer(helloTimer, 0)
	a.Timer(retryTimer, 0)
	a.status(wit.ConnectionStateConnected, "")
}

// dismissed answers a disconnect ("Disconnects"): Slack is about to close the connection, or has been told to use none.
func dismissed(a *answer, connection, reason string) {
	if reason == "link_disabled" {
		a.Out.Close = append(a.Out.Close, connection)
		a.State.socket = ""
		a.status(wit.ConnectionStateFailed, "Socket Mode is off for this Slack app: turn it on at api.slack.com/apps, or set mode to events")
		retryLater(a, requestOpen, account.RefusedRetry)
		return
	}
	if connection == a.State.socket {
		openSocket(a)
	}
}

// handleClosed goes on after the end of a connection, or an attempt that failed.
func handleClosed(a *answer, closed *wit.Closed) {
	reason := "the connection to Slack has ended"
	if closed != nil && closed.Reason != "" {
		reason += ": " + closed.Reason
	}
	lost(a, a.Connection, reason)
}

// lost opens another connection in place of one that is gone. Envelopes that came on it come again on another one. That of
// one that was replaced already changes nothing.
func lost(a *answer, connection, reason string) {
	a.State.held = keepOthers(a.State.held, connection)
	switch connection {
	case a.State.opening:
		a.State.opening = ""
		a.Timer(helloTimer, 0)
		if a.State.socket == "" {
			a.status(wit.ConnectionStateDisconnected, reason)
		}
		retryLater(a, requestOpen, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
	case a.State.socket:
		a.State.socket = ""
		if a.Now-a.State.since >= account.Lasting {
			a.State.failures = 0
		}
		if a.State.opening != "" || a.State.asking {
			return // its successor is on its way
		}
		a.status(wit.ConnectionStateDisconnected, reason)
		if a.State.failures == 0 {
			a.State.failures = 1
			openSocket(a)
			return
		}
		retryLater(a, requestOpen, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
	}
}

// keepOthers returns what did not come on a connection.
func keepOthers(list []parcel, connection string) (out []parcel) {
	for _, p := range list {
		if p.connection != connection {
			out = append(out, p)
		}
	}
	return out
}
