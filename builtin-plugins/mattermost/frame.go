package mattermost

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleFrame takes what came on the websocket ("WebSocket events"): hello, another event, or an answer. An event that was told
// before changes nothing. Where one is missing Mattermost has dropped it, which it does for who is slow: then another connection
// is begun, and what was posted is read.
func handleFrame(a *answer, frame *wit.Frame) {
	if frame.Text == nil {
		return
	}
	v, err := json.ParseText(*frame.Text)
	if err != nil {
		a.Host.Warn("mattermost: a frame is not JSON and is passed over")
		return
	}
	sequence := v.Get("seq").Int()
	switch event := v.Get("event").Text(); {
	case event == "":
		answered(a, v)
	case event == "hello":
		greeted(a, v.Get("data", "connection_id").Text(), sequence)
	case a.State.connection == "" || sequence < a.State.sequence:
	case sequence > a.State.sequence:
		a.Host.Warn("mattermost: an event is missing; what was posted is read again")
		a.State.connection = ""
		openSocket(a)
	default:
		alive(a)
		a.State.saw(sequence)
		receive(a, parcel{v, a.Now})
	}
}

// sequenceOf is the number of an event, -1 where there is none.
func sequenceOf(frame string) int64 {
	v, err := json.ParseText(frame)
	if err != nil || !v.Get("seq").Exists() {
		return -1
	}
	return v.Get("seq").Int()
}

// Bounds of what waits for names.
const (
	maxHeld      = 32
	maxHeldBytes = 16 << 10 // within the 64 KB that a state may have
	heldTime     = 2_000    // milliseconds
)

// receive handles an event, or lets it wait until the names in it are known: behind those that wait already, so that order is
// kept.
func receive(a *answer, p parcel) {
	if waits := a.askFor(unknownIn(a, p.event)); !waits && len(a.State.held) == 0 || !a.hasRoom(p) {
		release(a, true) // nothing overtakes what came before
		handle(a, p.event)
		return
	}
	if len(a.State.held) == 0 {
		a.Timer(namesTimer, heldTime)
	}
	a.State.held = append(a.State.held, p)
}

// hasRoom reports whether one more can wait.
func (a *answer) hasRoom(p parcel) bool {
	size := len(p.event.Raw())
	for _, waiting := range a.State.held {
		size += len(waiting.event.Raw())
	}
	return len(a.State.held) < maxHeld && size <= maxHeldBytes
}

// release handles what has waited, in order, up to the first whose names are still asked for; with all of it, everything.
func release(a *answer, all bool) {
	if len(a.State.held) == 0 {
		return
	}
	for len(a.State.held) > 0 {
		p := a.State.held[0]
		if !all && a.Now-p.since < heldTime && a.askFor(unknownIn(a, p.event)) {
			return
		}
		a.State.held = a.State.held[1:]
		handle(a, p.event)
	}
	a.Timer(namesTimer, 0)
}

// unknown are ids whose names people would read, and that are not known.
type unknown struct{ places, people []string }

// unknownIn is what has to be asked for before an event makes a message. A post that is new says all of it itself.
func unknownIn(a *answer, v json.Value) (u unknown) {
	user, channel := "", v.Get("broadcast", "channel_id").Text()
	switch v.Get("event").Text() {
	case "post_edited", "post_deleted":
		p, err := json.ParseText(v.Get("data", "post").Text())
		if err != nil {
			return u
		}
		user, channel = p.Get("user_id").Text(), p.Get("channel_id").Text()
	case "reaction_added", "reaction_removed":
		r, err := json.ParseText(v.Get("data", "reaction").Text())
		if err != nil {
			return u
		}
		user = r.Get("user_id").Text()
	default:
		return u
	}
	if user == a.State.me.id {
		return u
	}
	if _, known := a.names.Find(channel); !known && isID(channel) {
		u.places = append(u.places, channel)
	}
	if _, known := a.names.Find(user); !known && isID(user) {
		u.people = append(u.people, user)
	}
	return u
}

// askFor asks for names that are not known, and reports whether there are any. Where the bot may not ask, none are.
func (a *answer) askFor(u unknown) (waits bool) {
	if a.State.nameless {
		return false
	}
	for _, id := range append(u.places, u.people...) {
		waits = true
		if slices.Contains(a.State.asked, id) || len(a.Out.Requests) >= wit.ChannelAnswerRequestsMax/2 {
			continue
		}
		a.State.asked = append(a.State.asked, id)
		if slices.Contains(u.places, id) {
			a.request(requestPlace, id, "GET", "/channels/"+id, nil)
		} else {
			a.request(requestUsers, id, "POST", "/users/ids", json.Array{}.Add(json.Text(id)).JSON())
		}
	}
	return waits
}

// named takes what Mattermost says an id is called. What waits for it goes on, also when it is not to be had.
func named(a *answer, kind requestKind, which string, r result) {
	a.State.asked = remove(a.State.asked, which)
	if err := r.err(); err != nil {
		a.Host.Warn("mattermost: names are not known: " + err.Error())
		if which != gapNames && !wit.CodeOf(err).Transient() && r.Failure == nil {
			a.names.Keep(which, "") // there is none
		}
	}
	switch {
	case r.ok && kind == requestPlace:
		a.learnPlace(r.Value)
	case r.ok:
		for user := range r.Value.Items() {
			a.names.Keep(user.Get("id").Text(), user.Get("username").Text())
		}
	}
	if which == gapNames {
		readOn(a)
		return
	}
	release(a, r.Failure != nil)
}

func remove(list []string, s string) (out []string) {
	for _, item := range list {
		if item != s {
			out = append(out, item)
		}
	}
	return out
}
