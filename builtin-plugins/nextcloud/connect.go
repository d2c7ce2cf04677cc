package nextcloud

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain of requests, one with each answer: whose the login is; whether the app Talk is there; and then the list of
// rooms, again and again.

// The plugin's timers: retryTimer is the one after which state.retry is tried again, roomsTimer that of the list of rooms.
const (
	retryTimer = "retry"
	roomsTimer = "rooms"
)

// connect begins anew; what is under way is of an earlier generation from now on. A pause that the server has asked
// for goes on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.retry, a.State.connected = 0, "", false
	a.State.since, a.State.full = 0, 0
	for i := range a.State.rooms {
		a.State.rooms[i].asked = notAsked
	}
	a.Timer(retryTimer, 0)
	a.Timer(roomsTimer, 0)
	if lacks := a.Settings.lacks(); lacks != "" {
		a.status(wit.ConnectionStateFailed, lacks)
		return
	}
	if pause := account.Pause(a.State.notBefore, a.Now); pause > 0 {
		a.status(wit.ConnectionStateDisconnected, "the server has asked for a pause: it goes on after "+account.Seconds(pause))
		retryLater(a, requestMe, pause)
		return
	}
	a.status(wit.ConnectionStateConnecting, "")
	askMe(a)
}

// askMe asks whose the login is ("User metadata", developer manual).
func askMe(a *answer) { a.request(requestMe, "", "GET", ocs+"/cloud/user", nil) }

func knownMe(a *answer, v json.Value) {
	id := v.Get("id").Text()
	if a.State.me.id != "" && a.State.me.id != id {
		a.State = state{generation: a.State.generation} // another user is in other rooms
	}
	name := v.Get("displayname").Text()
	if name == "" {
		name = v.Get("display-name").Text()
	}
	a.State.me = person{texts.Clip(id, 255), texts.Clip(name, 255)}
	askTalk(a)
}

// askTalk asks what the server can do ("Capabilities").
func askTalk(a *answer) { a.request(requestTalk, "", "GET", ocs+"/cloud/capabilities", nil) }

func knownTalk(a *answer, v json.Value) {
	spreed := v.Get("capabilities", "spreed")
	if !spreed.Exists() {
		a.status(wit.ConnectionStateFailed, "the server has no Talk, or the bot may not use it: install the app Talk, and allow it to the bot's groups")
		retryLater(a, requestTalk, account.SlowRetry)
		return
	}
	a.State.limit = spreed.Get("config", "chat", "max-length").Int()
	for i := range a.State.ended {
		a.askPoll(&a.State.ended[i]) // asked for before the account was started anew
	}
	askRooms(a)
}

// connected tells the owner that messages come, where the last that they heard was something else.
func connected(a *answer) {
	if a.State.connected && a.State.failures == 0 && a.State.retry == "" {
		return
	}
	a.State.connected = true
	a.State.failures, a.State.retry = 0, ""
	a.status(wit.ConnectionStateConnected, "")
}

// requestFailed decides what becomes of a request that did not succeed: the owner has to mend something, or it is
// tried again, or both.
func requestFailed(a *answer, kind requestKind, r result) {
	err := wit.AsError(r.err())
	state, delay := account.Retry(err, r.Failure != nil, a.State.failures, a.Now)
	message := err.Message
	switch {
	case state == wit.ConnectionStateNeedsLogin && r.Failure != nil:
		message = howPassword + ": " + message
	case state == wit.ConnectionStateNeedsLogin:
		kind, message = requestMe, "the server does not take the bot's name and app password: "+howPassword
	}
	a.status(state, message)
	retryLater(a, kind, delay)
}

// howPassword says what to do without a login that is good.
const howPassword = "make an app password as the bot, in Settings > Security of Nextcloud, and give it with `carapace setup nextcloud`"

// retryLater has a request tried again after so many milliseconds; in a pause, not before its end.
func retryLater(a *answer, kind requestKind, delay int64) {
	a.State.failures++
	a.State.retry, a.State.connected = kind, false
	a.Timer(roomsTimer, 0)
	a.Timer(retryTimer, max(delay, account.Pause(a.State.notBefore, a.Now)))
}

// handleTimer asks for the rooms again, or tries again what failed.
func handleTimer(a *answer, timer string) {
	switch {
	case timer == roomsTimer:
		askRooms(a)
	case a.State.retry == requestRooms:
		askRooms(a)
	case a.State.retry == requestTalk:
		askTalk(a)
	default:
		askMe(a)
	}
}

// handleCommand does what the owner asks for. Commands that the plugin does not know are ignored.
func handleCommand(a *answer, name string) {
	switch name {
	case "login":
		connect(a)
	case "probe":
		if a.State.connected {
			a.status(wit.ConnectionStateConnected, "")
		} else {
			a.status(wit.ConnectionStateConnecting, "")
		}
		a.request(requestProbe, "", "GET", ocs+"/cloud/user", nil)
	case "logout":
		a.State.generation++
		a.Timer(retryTimer, 0)
		a.Timer(roomsTimer, 0)
		a.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
	}
}

// probed says what the server answered to a probe. When the login has become another user's, all starts anew.
func probed(a *answer, r result) {
	if err := r.err(); err != nil {
		a.status(wit.ConnectionStateDisconnected, err.Error())
		return
	}
	if r.data.Get("id").Text() != a.State.me.id {
		connect(a)
		return
	}
	a.status(wit.ConnectionStateConnected, "")
}

// handleResponse takes the response to a request of an earlier answer.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[requestKind](response.ID, a.State.generation)
	if !current || kind == requestAside {
		return
	}
	r := decode(response)
	if r.Wait > 0 {
		a.State.notBefore = max(a.State.notBefore, a.Now+r.Wait)
	}
	switch {
	// What failed for these is no reason to connect anew, so they look at it themselves.
	case kind == requestProbe:
		probed(a, r)
	case kind == requestChat:
		chatCame(a, which, r)
	case kind == requestPoll:
		pollCame(a, which, r)
	case !r.ok:
		requestFailed(a, kind, r)
	case kind == requestMe:
		knownMe(a, r.data)
	case kind == requestTalk:
		knownTalk(a, r.data)
	case kind == requestRooms:
		connected(a)
		roomsCame(a, which == everyRoom, r)
	}
}
