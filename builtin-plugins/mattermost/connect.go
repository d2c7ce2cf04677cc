package mattermost

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// socket is the id of the one connection.
const socket = "events"

// helloTimeout is how long a connection may take to say something, in milliseconds.
const helloTimeout = 30_000

// connect begins anew: users/me says who the bot is and whether its token is good, then the websocket is opened. What is under
// way is of an earlier generation from now on; what was missed and not read yet is read then. A pause that Mattermost has asked for
// goes on.
func connect(a *answer) {
	s := &a.State
	s.generation++
	s.failures, s.live = 0, false
	s.asked, s.held, s.nameless = nil, nil, false
	for _, id := range []string{retryTimer, helloTimer, namesTimer, gapTimer} {
		a.Timer(id, 0)
	}
	if pause := account.Pause(a.State.notBefore, a.Now); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "Mattermost has asked for a pause: it goes on after "+account.Seconds(pause))
		retryLater(a, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	a.request(requestMe, "", "GET", "/users/me", nil)
}

// identified notes who the bot is, and opens the connection. For a new account what is posted from now on is news, by the server's
// clock.
func identified(a *answer, r result) {
	if a.State.cursor == 0 {
		a.State.cursor = a.Now
		if r.time > 0 {
			a.State.cursor = r.time
		}
	}
	a.State.me = identity{r.Value.Get("id").Text(), r.Value.Get("username").Text()}
	a.request(requestLimit, "", "GET", "/config/client?format=old", nil)
	openSocket(a)
}

// limited notes how long a post may be (MaxPostSize of the client's configuration), where the server says so.
func limited(a *answer, r result) {
	if n, err := strconv.ParseInt(r.Value.Get("MaxPostSize").Text(), 10, 32); err == nil && n > 0 {
		a.State.longest = n
	}
}

// openSocket opens the connection, the same as before where there was one (connection_id, sequence_number). Mattermost looks for
// that before anything was said on it, so the token stands in a header too.
func openSocket(a *answer) {
	a.State.live = false
	url := a.Settings.root + "/api/v4/websocket"
	if isID(a.State.connection) {
		url += "?connection_id=" + a.State.connection + "&sequence_number=" + strconv.FormatInt(a.State.sequence, 10)
	}
	if rest, found := strings.CutPrefix(url, "http"); found {
		url = "ws" + rest
	}
	a.Out.Open = append(a.Out.Open, wit.OpenConnection{Connection: socket, Transport: wit.TransportWebsocket, URL: url, Headers: authorized()})
}

// Numbers of what the plugin says on a connection, which answers name (seq, seq_reply).
const (
	sayToken = 1
	sayPing  = 2
)

// opened says who the bot is, for servers behind something that keeps the header from them ("Authentication challenge"), and
// asks for a sign of life. A new connection says hello; one that goes on does not, and only answers.
func opened(a *answer, _ *wit.Opened) {
	a.Timer(helloTimer, helloTimeout)
	challenge := json.Object{}.Int("seq", sayToken).Text("action", "authentication_challenge").Raw("data", json.Object{}.Credential("token", "token").JSON())
	ping := json.Object{}.Int("seq", sayPing).Text("action", "ping")
	a.Out.Frames = append(a.Out.Frames, wit.Frame{Connection: socket, Text: new(string(challenge.JSON())), Fill: true},
		wit.Frame{Connection: socket, Text: new(string(ping.JSON()))})
}

// alive notes that events come.
func alive(a *answer) {
	if a.State.live {
		return
	}
	a.State.live, a.State.failures = true, 0
	a.Timer(helloTimer, 0)
	a.Timer(retryTimer, 0)
	a.status(wit.ConnectionStateConnected, "")
	readOn(a) // what a break or a restart has cut off
}

// greeted takes hello. Another connection than that which was asked for is a new one, and what happened before it is read from
// the channels.
func greeted(a *answer, connection string, sequence int64) {
	if connection == a.State.connection {
		alive(a)
		return
	}
	a.State.connection, a.State.sequence = connection, sequence+1
	missed(a)
	if a.State.live {
		readOn(a)
	} else {
		alive(a)
	}
}

// answered takes the answer to what the plugin has said: one that is refused has the connection tried anew, and that to the ping
// shows that it lives.
func answered(a *answer, v json.Value) {
	if v.Get("status").Text() == "FAIL" {
		lost(a, "Mattermost refuses the connection: "+texts.Characters(v.Get("error", "message").Text(), 300))
		return
	}
	if v.Get("seq_reply").Int() == sayPing && a.State.connection != "" {
		alive(a)
	}
}

// handleClosed goes on after the end of a connection, or an attempt that failed: the same one is asked for again. One on which
// nothing came may be because of the token, so that is looked at first.
func handleClosed(a *answer, closed *wit.Closed) {
	reason := "the connection to Mattermost has ended"
	if closed != nil && closed.Reason != "" {
		reason += ": " + closed.Reason
	}
	a.status(wit.ConnectionStateDisconnected, reason)
	a.Timer(helloTimer, 0)
	if a.State.live {
		openSocket(a)
		return
	}
	a.Out.Close = append(a.Out.Close, socket)
	retryLater(a, account.Backoff(a.State.failures, account.SoonRetry, a.Now))
}

// lost gives up a connection.
func lost(a *answer, reason string) {
	a.State.live = false
	a.Out.Close = append(a.Out.Close, socket)
	a.Timer(helloTimer, 0)
	a.status(wit.ConnectionStateDisconnected, reason)
	retryLater(a, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
}
