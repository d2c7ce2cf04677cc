package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// poll asks for what has happened behind the last event that was handled, which the server forgets ("Get events from an event
// queue"). One after a failure, or for events that have come already, is not held: it finds out whether the server is back.
func poll(a *answer) {
	p := params(nil).text("queue_id", a.State.queue).int("last_event_id", a.State.last)
	if a.State.retry == requestEvents || len(a.State.lookups) > 0 {
		p = p.text("dont_block", "true")
	}
	a.request(requestEvents, "", "GET", "/events", p).Timeout = pollTimeout
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

// receiveEvents takes what a poll brought. Where it has to be asked first what a message is that something has happened to,
// that is done, and then the same events are asked for again.
func receiveEvents(a *answer, v json.Value) {
	if missingPlaces(a, v) {
		return
	}
	for e := range v.Get("events").Items() {
		id := e.Get("id").Int()
		if id <= a.State.last {
			continue
		}
		if a.full() {
			break
		}
		handle(a, id, e)
		a.State.last = id
	}
	a.State.lookups, a.State.lost = nil, 0
	poll(a)
}

// handle takes one event.
func handle(a *answer, id int64, e json.Value) {
	switch e.Get("type").Text() {
	case "message":
		if local := e.Get("local_message_id").Text(); local != "" && len(local) <= maxLocal {
			a.State.own.put(local, e.Get("message", "id").Int())
		}
		receive(a, e.Get("message"), e.Get("flags"))
	case "update_message":
		edited(a, id, e)
	case "delete_message":
		deleted(a, id, e)
	case "reaction":
		reacted(a, id, e)
	case "submessage":
		voted(a, id, e)
	case "typing":
		typed(a, e)
	}
}

// typed tells that somebody writes.
func typed(a *answer, e json.Value) {
	who := e.Get("sender", "user_id")
	if e.Get("op").Text() != "start" || who.Text() == a.State.me.id || who.Int() == 0 {
		return
	}
	p := place{channelPrefix + e.Get("stream_id").Text(), texts.Clip(e.Get("topic").Text(), maxTopic)}
	if e.Get("message_type").Text() != "stream" {
		var ids []int64
		for r := range e.Get("recipients").Items() {
			if r.Get("user_id").Text() != a.State.me.id {
				ids = append(ids, r.Get("user_id").Int())
			}
		}
		p = place{conversation: peopleID(ids)}
	}
	if p.conversation == "" || len(p.conversation) > 1024 {
		return
	}
	a.receipt(wit.Receipt{Kind: wit.ReceiptKindTyping, Conversation: p.conversationOf(""), Sender: &wit.Person{ID: who.Text()}})
}
