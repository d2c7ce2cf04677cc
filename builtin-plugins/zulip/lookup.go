package zulip

import (
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// lookup is a message that was asked for, since something has happened to it and it is not remembered where it is.
type lookup struct {
	known      // without a place where it cannot be had
	done  bool // it was answered
	again bool // and has to be asked for once more
}

// lookups are those for the events that come next. They come once more, and then have what they need.
type lookups []lookup

// maxLookups bounds what one poll asks for. What is more is not told.
const maxLookups = 10

func (l lookups) find(id int64) *lookup {
	if i := slices.IndexFunc(l, func(known lookup) bool { return known.id == id }); i >= 0 {
		return &l[i]
	}
	return nil
}

// open reports whether an answer is still waited for.
func (l lookups) open() bool {
	return slices.ContainsFunc(l, func(known lookup) bool { return !known.done })
}

// find is what is known of a message, nil where nothing is.
func (a *answer) find(id int64) *known {
	if k := a.State.recent.find(id); k != nil {
		return k
	}
	if l := a.State.lookups.find(id); l != nil && l.conversation != "" {
		return &l.known
	}
	return nil
}

// missingPlaces asks for the messages that something has happened to and that are not known, and reports whether there
// are any.
func missingPlaces(a *answer, v json.Value) bool {
	var comes []int64 // with these events
	for e := range v.Get("events").Items() {
		id := e.Get("message_id").Int()
		switch kind := e.Get("type").Text(); {
		case e.Get("id").Int() <= a.State.last:
		case kind == "message":
			comes = append(comes, e.Get("message", "id").Int())
		case kind == "reaction" && e.Get("op").Text() == "add" && e.Get("user_id").Text() != a.State.me.id || kind == "update_message" && changesText(e) && e.Get("user_id").Text() != a.State.me.id:
			if !slices.Contains(comes, id) {
				a.need(id)
			}
		}
	}
	return a.State.lookups.open()
}

// need asks for a message, unless it is known or was asked for ("Fetch a single message").
func (a *answer) need(id int64) {
	if id <= 0 || a.State.recent.find(id) != nil || a.State.lookups.find(id) != nil || len(a.State.lookups) >= maxLookups {
		return
	}
	a.State.lookups = append(a.State.lookups, lookup{known: known{id: id}})
	which := strconv.FormatInt(id, 10)
	a.request(requestLookup, which, "GET", "/messages/"+which, params(nil).text("apply_markdown", "false"))
}

// lookedUp takes one answer. When there are all of them, the events are asked for again.
func lookedUp(a *answer, which string, r result) {
	id, _ := strconv.ParseInt(which, 10, 64)
	l := a.State.lookups.find(id)
	if l == nil || l.done {
		return
	}
	l.done = true
	switch m := r.Value.Get("message"); {
	case r.ok:
		if p, _, ok := placeOf(m, a.State.me.id); ok {
			l.place, l.sender = p, texts.Clip(m.Get("sender_id").Text(), 64)
		}
	case wit.CodeOf(r.err()).Transient():
		l.again = true
	default:
		a.Host.Info("zulip: message " + which + " cannot be had: " + r.err().Error())
	}
	if a.State.lookups.open() {
		return
	}
	before := len(a.State.lookups)
	a.State.lookups = slices.DeleteFunc(a.State.lookups, func(l lookup) bool { return l.again })
	if len(a.State.lookups) < before {
		a.status(wit.ConnectionStateDisconnected, "the server does not say where a message is; it is asked again")
		retryLater(a, requestEvents, max(r.Wait, account.Backoff(a.State.failures, account.SoonRetry, a.Now)))
		return
	}
	poll(a)
}

func readLookups(v json.Value) (list lookups) {
	for l := range v.Items() {
		list = append(list, lookup{known: readKnown(l), done: l.Get("done").Bool(), again: l.Get("again").Bool()})
	}
	return list
}

func (l lookups) fill(list json.Array) json.Array {
	for _, known := range l {
		list = list.Object(func(o json.Object) json.Object {
			s := json.Sparse{Object: known.known.fill(o)}
			s.AddTrue("done", known.done)
			s.AddTrue("again", known.again)
			return s.Object
		})
	}
	return list
}
