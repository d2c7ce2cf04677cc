package matrix

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A poll that the server does not answer says only when its time is over that nobody is there, so it is held for less
// than clients usually ask for. One after a failure is not held: it finds out whether the server is back.
const (
	syncHeld     = 25_000 // milliseconds that the server holds a sync which has nothing to tell
	firstTimeout = 60_000 // for the first sync, which tells of all rooms, in milliseconds
	syncEvents   = 50     // of each room, at most; what is more is a gap
)

// timelineTypes are the events that the plugin reads, stateTypes those of them that say what a room is.
const (
	timelineTypes = `["m.room.message","m.room.encrypted","m.room.redaction","m.reaction","m.sticker","m.poll.start","m.poll.response",` +
		`"` + pollStart + `","` + pollResponse + `","m.call.invite","m.room.member","m.room.name","m.room.canonical_alias","m.room.tombstone"]`
	stateTypes = `["m.room.name","m.room.canonical_alias","m.room.member"]`
)

// syncFilter asks for as little as is needed ("Filtering", "Lazy-loading room members"): of people only those who have
// said something, and those each time, so that nobody's name has to be remembered.
func syncFilter(events int64, onlyRoom string) string {
	in := ""
	if onlyRoom != "" {
		in = `"rooms":[` + string(json.Text(onlyRoom)) + `],`
	}
	return `{"presence":{"not_types":["*"]},"account_data":{"not_types":["*"]},"room":{` + in +
		`"account_data":{"not_types":["*"]},"ephemeral":{"types":["m.typing","m.receipt"]},` +
		`"state":{"types":` + stateTypes + `,"lazy_load_members":true,"include_redundant_members":true},` +
		`"timeline":{"types":` + timelineTypes + `,"limit":` + strconv.FormatInt(events, 10) + `,"lazy_load_members":true}}}`
}

// syncPath is the path of a sync ("Syncing").
func syncPath(since, filter string, held int64) string {
	path := client + "/sync?timeout=" + strconv.FormatInt(held, 10) + "&filter=" + form.Escape(filter)
	if since != "" {
		path += "&since=" + form.Escape(since)
	}
	return path
}

// sync asks for what is new. The first one of all asks what rooms there are, and for nothing that was said in them.
func sync(a *answer) {
	held, timeout, events := int64(syncHeld), int64(syncHeld+callTimeout), a.State.limit
	if events == 0 {
		events = syncEvents
	}
	if a.State.since == "" {
		held, timeout, events = 0, firstTimeout, 1
	}
	if a.State.retry == requestSync || a.State.lookups != nil {
		held = 0
	}
	a.request(requestSync, "", "GET", syncPath(a.State.since, syncFilter(events, ""), held)).Timeout = timeout
}

// receiveSync takes what a sync brought. Where something is missing that its messages need, that is asked for, and
// then the sync is made once more from the same token.
func receiveSync(a *answer, v json.Value) {
	next := v.Get("next_batch").Text()
	if next == "" || len(next) > maxToken {
		requestFailed(a, requestSync, result{Reply: reply.Failed(wit.NewError(wit.CodeUnavailable, "the answer to a sync has no token; is homeserver right?"))})
		return
	}
	first := a.State.since == ""
	if !first && missing(a, v) {
		return
	}
	for id := range v.Get("rooms", "leave").Fields() {
		leave(a, id)
	}
	for id, room := range v.Get("rooms", "invite").Fields() {
		invited(a, id, room.Get("invite_state", "events"))
	}
	g := gap{from: a.State.since, to: next}
	for id, room := range v.Get("rooms", "join").Fields() {
		receiveRoom(a, id, room, first, &g)
	}
	a.State.since, a.State.gap, a.State.lookups = next, g, nil
	resume(a)
}

// maxToken bounds a server's tokens, in bytes: they go into the state and into addresses.
const maxToken = 2048

// receiveRoom takes what is new in a room, or puts the room into the gap when there is more than came, or more in all
// than one answer takes. What was said before the account was invited is not for it; nor, at the first sync, is what
// was said before that.
func receiveRoom(a *answer, id string, v json.Value, first bool, g *gap) {
	r, known := room{id: id}, a.State.rooms.find(id)
	if known != nil {
		r = *known
	}
	r.learn(a.State.me.id, v)
	p := newPlace(a, &r, v.Get("state", "events"))
	events, limited, invitation := v.Get("timeline", "events"), v.Get("timeline", "limited").Bool(), a.arrives(id)
	begin, how := beginning(events, a.State.me.id)
	more := limited && how != "invite" // what was said before an invitation is not for it
	comes := invitation != "" || known == nil && (how != "" || arrived(v.Get("state", "events"), a.State.me.id))
	switch {
	case first:
		for e := range events.Items() {
			r.change(e)
		}
	case isEmpty(events):
	case a.mustWait(&r, more) && g.add(gapRoom{id: id, from: invitation, comes: comes}):
	case len(a.Out.Messages) < maxMessages:
		if more {
			a.Host.Warn("matrix: much was said in many rooms; of what is new in " + id + " only the end is read")
		}
		p.readFrom(events, begin)
	default:
		a.Host.Warn("matrix: much was said in many rooms; what is new in " + id + " is not read")
	}
	p.readEphemeral(v.Get("ephemeral", "events"))
	a.State.rooms.put(r)
	p.acknowledge()
}

// mustWait reports whether a room is read after the sync: there is more than came, or more in all than one answer takes, or
// it is not known yet who can read the room.
func (a *answer) mustWait(r *room, more bool) bool {
	return more || len(a.Out.Messages) >= maxMessages || r.joined == 0 && a.State.lookups.find(requestRoom, r.id) == nil
}

// isEmpty reports whether a list has no items.
func isEmpty(list json.Value) bool {
	for range list.Items() {
		return false
	}
	return true
}

// beginning is where in a timeline the account's stay in the room begins: behind its invitation, or its coming where no
// invitation is there. how is which of them, "" when it was there before.
func beginning(events json.Value, me string) (at int, how string) {
	i := 0
	for e := range events.Items() {
		if i++; how == "" && comes(e, me) {
			at, how = i, membership(e.Get("content"))
		}
	}
	return at, how
}

// arrived reports whether the state before a timeline says that the account has come, as it does for a room that is
// new to it.
func arrived(events json.Value, me string) bool {
	for e := range events.Items() {
		if comes(e, me) {
			return true
		}
	}
	return false
}

// comes reports whether an event is that somebody is invited, or comes without having been there.
func comes(e json.Value, who string) bool {
	if e.Get("type").Text() != "m.room.member" || e.Get("state_key").Text() != who {
		return false
	}
	was := membership(e.Get("unsigned", "prev_content"))
	if !e.Get("unsigned", "prev_content").Exists() {
		was = membership(e.Get("prev_content"))
	}
	is := membership(e.Get("content"))
	return (is == "join" || is == "invite") && was != "join"
}

// membership is what a member event says that somebody is in a room.
func membership(content json.Value) string { return content.Get("membership").Text() }

// leave forgets a room that the account is not in any more.
func leave(a *answer, id string) {
	a.State.joins = slices.DeleteFunc(a.State.joins, func(j joining) bool { return j.room == id && j.from == "" })
	r := a.State.rooms.find(id)
	if r == nil {
		return
	}
	if r.next == "" {
		a.Host.Info("matrix: the account is not in room " + id + " any more")
		a.receipt(wit.Receipt{Kind: wit.ReceiptKindLeft, Conversation: r.conversation(""), Sender: &wit.Person{ID: a.State.me.id, Bot: true}})
	}
	a.State.rooms.remove(id)
}

// lostPlace begins to read anew when the server does not take its own token any more, as one that was set up anew
// does. What was said meanwhile cannot be had.
func lostPlace(a *answer, r result) {
	a.Host.Warn("matrix: the server does not know the place up to which was read; messages since then are not read: " + r.message())
	a.State.since, a.State.gap, a.State.lookups = "", gap{}, nil
	retryLater(a, requestSync, account.Backoff(a.State.failures, account.SoonRetry, a.Now))
}

// serverOf is the server's name in an id.
func serverOf(id string) string {
	_, server, _ := strings.Cut(id, ":")
	return server
}
