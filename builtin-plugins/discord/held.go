package discord

import (
	"cmp"
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A message in a channel of which nothing is known may be in a thread, and then belongs to another conversation. It waits
// in the state until Discord has said what its channel is, and what happens there next waits behind it.

// happening is an event that becomes messages.
type happening struct {
	name string
	seq  int64
	data json.Value
}

// channel is where it happened.
func (h *happening) channel() string { return h.data.Get("channel_id").Text() }

// held is a happening that waits for its place.
type held struct{ happening }

func readHeld(v json.Value) held {
	return held{happening{v.Get("name").Text(), v.Get("seq").Int(), v.Get("data")}}
}

func (h *held) json() wit.JSON {
	return json.Object{}.Text("name", h.name).Int("seq", h.seq).Raw("data", h.data.Raw()).JSON()
}

// maxHeld keeps the state within the 64 KB that it may have. What does not fit is taken without knowing more.
const maxHeld = 24 << 10

// placeTimer is the timer after which places are asked for again.
const placeTimer = "places"

// maxTries is how often places are asked for in a row before it is done without.
const maxTries = 5

// take makes messages of a happening, or has it wait.
func take(a *answer, h happening) {
	channel := h.channel()
	if !isID(channel) {
		return
	}
	waiting := slices.ContainsFunc(a.State.held, func(o held) bool { return o.channel() == channel })
	if where, known := a.State.locate(h.data); known && !waiting {
		deliver(a, h, where)
		return
	}
	size := len(h.data.Raw())
	for i := range a.State.held {
		size += len(a.State.held[i].data.Raw())
	}
	a.State.held = append(a.State.held, held{h})
	switch {
	case size > maxHeld:
		guess(a, a.State.held[0].channel())
	case !waiting:
		askForPlace(a, channel)
	}
}

// askForPlace asks what a channel is (Get Channel).
func askForPlace(a *answer, channel string) {
	a.request(requestChannel, channel, "GET", "/channels/"+channel, nil)
}

// askForPlaces asks for all that something waits for, as many as fit.
func askForPlaces(a *answer) {
	var asked []string
	for i := range a.State.held {
		channel := a.State.held[i].channel()
		if slices.Contains(asked, channel) {
			continue
		}
		if a.full() {
			a.Timer(placeTimer, account.FirstRetry)
			return
		}
		asked = append(asked, channel)
		askForPlace(a, channel)
	}
}

// placeFound takes what Discord says of a channel. One that it does not tell of is taken for what it looks like; what
// passes by itself is waited for.
func placeFound(a *answer, channel string, r result) {
	if p := readPlace(r.Value); r.ok && p.id == channel && p.known() {
		a.State.tries = 0
		a.State.learn(p, false)
		release(a)
		return
	}
	if err := r.err(); err != nil && (wit.CodeOf(err).Transient() || wit.CodeOf(err) == wit.CodeUnauthorized) && a.State.tries < maxTries {
		a.State.tries++
		a.Timer(placeTimer, cmp.Or(r.Wait, int64(account.FirstRetry)<<a.State.tries))
		return
	}
	a.Host.Warn("discord: channel " + channel + " cannot be looked at, and is taken for one of its own: " + r.words())
	guess(a, channel)
}

// guess goes on with what happened in a channel without knowing more of it than that it is one.
func guess(a *answer, channel string) {
	waiting := a.State.held
	a.State.held = nil
	for _, h := range waiting {
		if h.channel() != channel {
			a.State.held = append(a.State.held, h)
			continue
		}
		kind := typeGroup
		if h.data.Get("guild_id").Exists() {
			kind = typeText
		}
		deliver(a, h.happening, a.State.conversation(&place{id: channel, kind: kind}))
	}
}

// release makes messages of what waited for places that are known now.
func release(a *answer) {
	if len(a.State.held) == 0 {
		return
	}
	waiting := a.State.held
	a.State.held = nil
	for _, h := range waiting {
		if where, known := a.State.locate(h.data); known {
			deliver(a, h.happening, where)
		} else {
			a.State.held = append(a.State.held, h)
		}
	}
	if len(a.State.held) == 0 {
		a.Timer(placeTimer, 0)
	}
}
