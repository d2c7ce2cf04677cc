package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// dispatch takes an event ("Receive Events"). Each is counted, also those that are of no interest.
func dispatch(a *answer, v json.Value) {
	name, d := v.Get("t").Text(), v.Get("d")
	a.State.saw(v.Get("s").Int())
	switch name {
	case "READY":
		ready(a, d)
	case "RESUMED":
		a.status(wit.ConnectionStateConnected, "")
	case "TYPING_START":
		typing(a, d)
	case "INTERACTION_CREATE":
		acknowledge(a, d)
		take(a, happening{name: name, seq: a.State.seq, data: d})
	case "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE",
		"MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE":
		take(a, happening{name: name, seq: a.State.seq, data: d})
	default:
		change(a, name, d)
	}
}

// change takes an event about guilds and channels.
func change(a *answer, name string, d json.Value) {
	switch name {
	case "GUILD_CREATE":
		a.State.joined(d)
	case "GUILD_DELETE":
		if !d.Get("unavailable").Bool() {
			a.State.left(d.Get("id").Text())
		}
	case "GUILD_MEMBER_UPDATE":
		if d.Get("user", "id").Text() == a.State.me.id {
			a.State.roles(d.Get("guild_id").Text(), d.Get("roles"))
		}
	case "CHANNEL_UPDATE":
		if a.State.place(d.Get("id").Text()) != nil {
			a.State.learn(readPlace(d), false)
		}
	case "CHANNEL_CREATE":
		a.State.learn(readPlace(d), true)
	case "THREAD_CREATE", "THREAD_UPDATE":
		a.State.learn(readPlace(d), false)
	case "THREAD_LIST_SYNC":
		for thread := range d.Get("threads").Items() {
			a.State.learn(readPlace(thread), true)
		}
	case "CHANNEL_DELETE", "THREAD_DELETE":
		a.State.unlearn(d.Get("id").Text())
		return
	default:
		return
	}
	release(a)
}

// ready notes who the bot is and what it takes to resume the session (Ready).
func ready(a *answer, d json.Value) {
	me := readUser(d.Get("user"))
	if a.State.me.id != "" && a.State.me.id != me.id {
		// Behind a new token is another bot, with chats of its own.
		a.State = state{generation: a.State.generation, interval: a.State.interval, unacked: a.State.unacked, seq: a.State.seq, bare: a.State.bare}
	}
	a.State.me = me
	a.State.guilds = nil // all of them are told again
	a.State.session, a.State.resume = d.Get("session_id").Text(), d.Get("resume_gateway_url").Text()
	if !isGateway(a.State.resume) {
		a.State.resume = ""
	}
	a.State.failures = 0
	a.status(wit.ConnectionStateConnected, "")
	registerCommands(a, d.Get("application", "id").Text())
}

// typing tells that somebody writes, where it is known where.
func typing(a *answer, d json.Value) {
	who := d.Get("user_id").Text()
	where, known := a.State.locate(d)
	if !known || who == "" || who == a.State.me.id {
		return
	}
	p := readMember(d.Get("member", "user"), d.Get("member"))
	p.id = who
	a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: wit.ReceiptKindTyping, Conversation: where, Sender: p.wit()})
}
