package matrix

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Some of what a message needs does not come with it: what the message says that it answers, and what the room is when
// that was forgotten. Both are asked for before the messages are taken. The token stays where it was meanwhile, so the
// messages come once more, and then have what they need.

// lookup is one thing that was asked for.
type lookup struct {
	kind   requestKind // requestQuote or requestRoom
	id     string      // of the event, or the room
	done   bool
	failed bool // it is to be asked again
	// What a message said, and who.
	text   string
	sender string
}

// lookups are those for the sync or the page that is to be taken next.
type lookups []lookup

// maxLookups bounds what one sync or page asks for. What is more goes without.
const maxLookups = 10

// maxQuoted is how much of a message that is answered is told, in bytes.
const maxQuoted = 500

func (l lookups) find(kind requestKind, id string) *lookup {
	if i := slices.IndexFunc(l, func(known lookup) bool { return known.kind == kind && known.id == id }); i >= 0 {
		return &l[i]
	}
	return nil
}

// open reports whether an answer is still waited for.
func (l lookups) open() bool {
	return slices.ContainsFunc(l, func(known lookup) bool { return !known.done })
}

// missing asks for what the messages of a sync need and do not bring, and reports whether there is anything.
func missing(a *answer, v json.Value) bool {
	for id, room := range v.Get("rooms", "join").Fields() {
		events := room.Get("timeline", "events")
		if isEmpty(events) {
			continue
		}
		if a.isStrange(id) && !room.Get("summary", "m.joined_member_count").Exists() {
			a.need(requestRoom, id, id)
		}
		if !room.Get("timeline", "limited").Bool() {
			a.needQuotes(id, events)
		}
	}
	return a.State.lookups.open()
}

// missingOfPage is missing for a page.
func missingOfPage(a *answer, v json.Value) bool {
	id := a.State.gap.rooms[0].id
	if a.isStrange(id) {
		a.need(requestRoom, id, id)
	}
	a.needQuotes(id, v.Get("chunk"))
	return a.State.lookups.open()
}

// isStrange reports whether it is not known who can read a room.
func (a *answer) isStrange(id string) bool {
	r := a.State.rooms.find(id)
	return r == nil || r.joined == 0
}

// needQuotes asks for what messages answer.
func (a *answer) needQuotes(room string, events json.Value) {
	for e := range events.Items() {
		if e.Get("type").Text() != "m.room.message" || e.Get("sender").Text() == a.State.me.id {
			continue
		}
		rel := readRelation(e.Get("content"))
		if rel.replyTo == "" || rel.kind == replaces {
			continue
		}
		if _, quoted := withoutFallback(e.Get("content", "body").Text()); quoted.id == "" {
			a.need(requestQuote, room, rel.replyTo)
		}
	}
}

// need asks for something of a room, unless that was done.
func (a *answer) need(kind requestKind, room, id string) {
	if len(a.State.lookups) >= maxLookups || len(id) > maxID || a.State.lookups.find(kind, id) != nil {
		return
	}
	a.State.lookups = append(a.State.lookups, lookup{kind: kind, id: id})
	if kind == requestRoom {
		a.request(kind, id, "GET", syncPath("", syncFilter(1, room), 0)).Timeout = firstTimeout
		return
	}
	a.request(kind, id, "GET", roomPath(room, "event", id))
}

// lookedUp takes one answer. When there are all of them, the sync or the page is asked for again. What a message answers
// is worth one attempt; what a room is, it takes.
func lookedUp(a *answer, kind requestKind, id string, r result) {
	l := a.State.lookups.find(kind, id)
	if l == nil || l.done {
		return
	}
	l.done = true
	switch {
	case r.ok && kind == requestQuote:
		l.text, l.sender = texts.Clip(quotedText(r.Value), maxQuoted), texts.Clip(r.Value.Get("sender").Text(), maxID)
	case r.ok:
		known := room{id: id}
		if old := a.State.rooms.find(id); old != nil {
			known = *old
		}
		known.learn(a.State.me.id, r.Value.Get("rooms", "join").Get(id))
		known.joined = max(known.joined, 1)
		a.State.rooms.put(known)
	case kind == requestRoom && wit.CodeOf(r.err()).Transient():
		l.failed = true
	default:
		a.Host.Info("matrix: " + string(kind) + " " + id + " cannot be had: " + r.err().Error())
	}
	if a.State.lookups.open() {
		return
	}
	before := len(a.State.lookups)
	a.State.lookups = slices.DeleteFunc(a.State.lookups, func(l lookup) bool { return l.failed })
	if len(a.State.lookups) < before {
		a.status(wit.ConnectionStateDisconnected, "the server does not say what a room is; it is asked again")
		retryLater(a, requestSync, account.Backoff(a.State.failures, account.SoonRetry, a.Now))
		return
	}
	resume(a)
}

// quotedText is what an event said, in short.
func quotedText(e json.Value) string {
	content := e.Get("content")
	if content.Get("m.new_content").Exists() {
		content = content.Get("m.new_content")
	}
	body, _ := withoutFallback(content.Get("body").Text())
	if body == "" && e.Get("type").Text() == "m.room.encrypted" {
		return "[encrypted]"
	}
	return body
}

func readLookups(v json.Value) lookups {
	var list lookups
	for l := range v.Items() {
		list = append(list, lookup{
			kind: requestKind(l.Get("kind").Text()), id: l.Get("id").Text(), done: l.Get("done").Bool(), failed: l.Get("failed").Bool(),
			text: l.Get("text").Text(), sender: l.Get("sender").Text(),
		})
	}
	return list
}

func (l lookup) fill(o json.Object) json.Object {
	o = flag(flag(o.Text("kind", string(l.kind)).Text("id", l.id), "done", l.done), "failed", l.failed)
	return text(text(o, "text", l.text), "sender", l.sender)
}
