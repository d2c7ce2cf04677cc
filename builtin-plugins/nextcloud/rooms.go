package nextcloud

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// How often the list of rooms is asked for, in milliseconds: sooner while people speak, and all of the list now and then, since
// rooms that the account was put out of are told by nothing else ("Get user's conversations").
const (
	nextRooms = 1_000 // within justNow of something that was said
	soonRooms = 2_000 // within lately
	idleRooms = 5_000
	justNow   = 15_000
	lately    = 120_000
	allRooms  = 300_000
)

// Bounds of what is asked at the same time: rooms that are waited in, and rooms whose messages are fetched.
const (
	maxWaiting  = 3
	maxFetching = 4
)

// everyRoom is which list is asked for, where it is that of all rooms.
const everyRoom = "all"

// askRooms asks in which rooms something has happened.
func askRooms(a *answer) {
	p, which := params(nil).int("noStatusUpdate", 1), ""
	if a.State.since > 0 && a.Now-a.State.full < allRooms {
		p = p.int("modifiedSince", a.State.since)
	} else {
		which, a.State.full = everyRoom, a.Now
	}
	a.request(requestRooms, which, "GET", talk4+"/room", p)
}

// Kinds of conversations ("Constants", conversation types).
const (
	oneToOne       = 1
	changelog      = 4
	formerOneToOne = 5
	noteToSelf     = 6
)

// roomsCame takes the list, and asks for what is new.
func roomsCame(a *answer, every bool, r result) {
	var there []string
	for v := range r.data.Items() {
		there = append(there, v.Get("token").Text())
		learn(a, v)
	}
	if every {
		a.State.rooms = slices.DeleteFunc(a.State.rooms, func(k room) bool { return !slices.Contains(there, k.token) })
	}
	a.State.begun = true
	if before, err := strconv.ParseInt(sdk.Header(r.Headers, "X-Nextcloud-Talk-Modified-Before"), 10, 64); err == nil && before > 0 {
		a.State.since = max(before-1, 1) // times are in seconds, so the last one may not be over
	}
	switch quiet := a.Now - a.State.busy; {
	case quiet < justNow:
		a.Timer(roomsTimer, nextRooms)
	case quiet < lately:
		a.Timer(roomsTimer, soonRooms)
	default:
		a.Timer(roomsTimer, idleRooms)
	}
	ask(a)
}

// learn takes what the list says of a room. In one that is new to the account, what is said behind what it counts as having read is
// for it: that is where the room was when it came in.
func learn(a *answer, v json.Value) {
	token, kind := v.Get("token").Text(), v.Get("type").Int()
	if token == "" || len(token) > maxToken || kind == changelog || kind == noteToSelf || kind == formerOneToOne {
		return
	}
	newest := v.Get("lastMessage", "id").Int()
	known := a.State.rooms.find(token)
	if known == nil {
		fresh := room{token: token, last: max(v.Get("lastReadMessage").Int(), 0)}
		if !a.State.begun {
			fresh.last = max(newest, fresh.last)
		}
		a.State.rooms.add(fresh)
		if known = a.State.rooms.find(token); known == nil {
			return
		}
	}
	known.kind, known.name = kind, texts.Clip(v.Get("displayName").Text(), maxName)
	known.newest, known.active = max(known.newest, newest), v.Get("lastActivity").Int()
}

// ask asks for what is new: in rooms that have something, those first that have had it for longest, and in the few in which something
// was said last, where it is waited for.
func ask(a *answer) {
	var under [waiting + 1]int
	order := make([]*room, 0, len(a.State.rooms))
	for i := range a.State.rooms {
		r := &a.State.rooms[i]
		if under[r.asked]++; r.asked == notAsked && r.newest > r.last {
			order = append(order, r)
		}
	}
	slices.SortFunc(order, func(x, y *room) int { return cmp.Compare(x.newest, y.newest) })
	for _, r := range order[:min(len(order), max(maxFetching-under[fetching], 0))] {
		askChat(a, r, fetching)
	}
	for _, r := range a.State.rooms.latest() {
		if r.asked == notAsked && under[waiting] < maxWaiting {
			askChat(a, r, waiting)
			under[waiting]++
		}
	}
}

// latest are the rooms that are waited in.
func (r rooms) latest() []*room {
	order := make([]*room, 0, len(r))
	for i := range r {
		if r[i].active > 0 {
			order = append(order, &r[i])
		}
	}
	slices.SortFunc(order, func(x, y *room) int { return cmp.Or(cmp.Compare(y.active, x.active), cmp.Compare(x.token, y.token)) })
	return order[:min(len(order), maxWaiting)]
}

// conversation is a room as the kernel knows it.
func (r *room) conversation() wit.Conversation {
	c := wit.Conversation{Kind: wit.ConversationKindGroup, ID: r.token}
	if r.name != "" {
		c.Name = &r.name
	}
	if r.kind == oneToOne {
		c.Kind = wit.ConversationKindDirect
	}
	return c
}
