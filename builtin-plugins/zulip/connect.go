package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Connecting is a chain of requests, one with each answer: whose the API key is; an event queue, unless the state has one;
// for a new account which message is the newest, for another one what was said while it had no queue; and then the first poll.

// connect begins anew; what is under way is of an earlier generation from now on. A pause that the server has asked
// for goes on.
func connect(a *answer) {
	a.State.generation++
	a.State.failures, a.State.retry, a.State.lookups, a.State.connected = 0, "", nil, false
	a.Timer(retryTimer, 0)
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

func askMe(a *answer) { a.request(requestMe, "", "GET", "/users/me", nil) }

// knownMe notes whose the API key is ("Get own user").
func knownMe(a *answer, v json.Value) {
	id := v.Get("user_id").Text()
	if a.State.me.id != "" && a.State.me.id != id {
		// Another account has other messages and a queue of its own.
		a.State = state{generation: a.State.generation, last: -1}
	}
	a.State.me = person{texts.Clip(id, 64), texts.Clip(v.Get("full_name").Text(), 255)}
	connected(a)
	resume(a)
}

// resume goes on where the state says.
func resume(a *answer) {
	switch {
	case a.State.queue == "":
		register(a)
	case !a.State.begun:
		askNewest(a)
	case a.State.missing:
		askMissed(a)
	default:
		poll(a)
	}
}

// eventTypes are the events that the plugin reads.
const eventTypes = `["message","update_message","delete_message","reaction","submessage","typing"]`

// capabilities say what the plugin understands (client_capabilities).
const capabilities = `{"notification_settings_null":true,"bulk_message_deletion":true,"user_avatar_url_field_optional":true,"stream_typing_notifications":true}`

// register asks for a queue of what happens from now on ("Register an event queue"), and for the limits of the server.
func register(a *answer) {
	a.request(requestRegister, "", "POST", "/register", params(nil).
		json("event_types", wit.JSON(eventTypes)).json("fetch_event_types", wit.JSON(`["realm"]`)).
		json("client_capabilities", wit.JSON(capabilities)).text("apply_markdown", "false").text("client_gravatar", "true").text("slim_presence", "true"))
}

// oldest is the feature level of Zulip 7.0, the first version that takes `direct` as the type of a message.
const oldest = 174

// maxQueue bounds the id of a queue, in bytes.
const maxQueue = 256

// registered notes the queue. What was said before it since the last message that was seen is fetched.
func registered(a *answer, v json.Value) {
	queue := v.Get("queue_id").Text()
	if level := v.Get("zulip_feature_level").Int(); level < oldest {
		a.status(wit.ConnectionStateFailed, "the server runs Zulip "+texts.Clip(v.Get("zulip_version").Text(), 40)+": version 7.0 or a later one is needed")
		retryLater(a, requestRegister, account.RefusedRetry)
		return
	}
	if queue == "" || len(queue) > maxQueue {
		requestFailed(a, requestRegister, result{Reply: reply.Failed(wit.NewError(wit.CodeUnavailable, "the server has given no event queue; is site right?"))})
		return
	}
	a.State.queue, a.State.last = queue, v.Get("last_event_id").Int()
	a.State.limit = v.Get("max_message_length").Int()
	a.State.emoji = texts.Clip(v.Get("server_emoji_data_url").Text(), 512)
	a.State.missing, a.State.paged = a.State.begun, false
	connected(a)
	resume(a)
}

// askNewest asks which message is the newest, so that what was said before the account came is told from what comes
// ("Get messages"). What was said since the queue was registered comes by the queue.
func askNewest(a *answer) {
	a.request(requestNewest, "", "GET", "/messages", params(nil).text("anchor", "newest").int("num_before", 1).int("num_after", 0).text("apply_markdown", "false"))
}

func newest(a *answer, v json.Value) {
	for m := range v.Get("messages").Items() {
		a.State.first = max(a.State.first, m.Get("id").Int())
	}
	a.State.begun, a.State.seen = true, a.State.first
	resume(a)
}
