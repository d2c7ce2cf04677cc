package matrixtest

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// eventFilter says which events are wanted ("RoomEventFilter").
type eventFilter struct {
	Limit    *int     `json:"limit"`
	Types    []string `json:"types"`
	NotTypes []string `json:"not_types"`
	Rooms    []string `json:"rooms"`
	Lazy     bool     `json:"lazy_load_members"`
	Again    bool     `json:"include_redundant_members"`
}

// takes reports whether an event is wanted. A type may end with a star.
func (f *eventFilter) takes(e *Event) bool { return f.takesType(e.Type) }

func (f *eventFilter) takesType(kind string) bool {
	fits := func(pattern string) bool {
		ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\\/"), kind)
		return err == nil && ok
	}
	if slices.ContainsFunc(f.NotTypes, fits) {
		return false
	}
	return f.Types == nil || slices.ContainsFunc(f.Types, fits)
}

// filter is what of a sync is wanted ("Filtering").
type filter struct {
	AccountData eventFilter `json:"account_data"`
	Room        struct {
		Rooms       []string    `json:"rooms"`
		AccountData eventFilter `json:"account_data"`
		Ephemeral   eventFilter `json:"ephemeral"`
		State       eventFilter `json:"state"`
		Timeline    eventFilter `json:"timeline"`
	} `json:"room"`
}

// syncCall answers a sync, at once when there is anything, or when the time is over ("Syncing").
func syncCall(c *call) (any, error) {
	q := c.URL.Query()
	var f filter
	text := q.Get("filter")
	if text != "" && !strings.HasPrefix(text, "{") {
		text, _ = c.user.filter(text)
	}
	if text != "" && json.Unmarshal([]byte(text), &f) != nil {
		return nil, badRequest("M_INVALID_PARAM", "Invalid filter JSON")
	}
	since, ok := place(q.Get("since"))
	if !ok {
		return nil, badRequest("M_INVALID_PARAM", "Invalid since token")
	}
	held, _ := strconv.ParseInt(q.Get("timeout"), 10, 64)
	s := syncing{c: c, f: &f, first: q.Get("since") == "", full: q.Get("full_state") == "true"}
	s.since = max(since-c.rewind, 0)
	timeout := time.After(time.Duration(held) * time.Millisecond)
	if !s.first {
		c.server.Journal.waits(c.user.ID, 1)
		defer c.server.Journal.waits(c.user.ID, -1)
	}
	for {
		changed := c.server.Next()
		out, news := s.look()
		if news || s.first || held == 0 {
			return out, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return out, nil
		case <-c.Context().Done():
			return out, nil
		case <-c.server.Life.Done():
			return nil, &apiError{status: 502, code: "M_UNKNOWN", words: "the server stops"}
		}
	}
}

// syncing is one sync.
type syncing struct {
	c           *call
	f           *filter
	since       int64
	first, full bool
}

// look is the answer as things are, and whether there is anything in it.
func (s *syncing) look() (out Content, news bool) {
	w := s.c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	join, invite, leave := Content{}, Content{}, Content{}
	for _, r := range w.rooms {
		if s.f.Room.Rooms != nil && !slices.Contains(s.f.Room.Rooms, r.id) {
			continue
		}
		me := s.c.user.ID
		switch is, was := r.member(me, now), r.member(me, s.since); {
		case is == "join":
			if entry := s.room(r, s.first || was != "join"); entry != nil {
				join[r.id] = entry
			}
		case is == "invite" && was != "invite":
			invite[r.id] = Content{"invite_state": Content{"events": r.stripped(me)}}
		case is == "leave" && (was == "join" || was == "invite") && !s.first:
			leave[r.id] = Content{"timeline": Content{"events": []Content{}}, "state": Content{"events": []Content{}}}
		}
	}
	data := []Content{}
	for kind, item := range s.c.user.data {
		if item.pos > s.since && s.f.AccountData.takesType(kind) {
			data = append(data, Content{"type": kind, "content": item.content})
		}
	}
	out = Content{
		"next_batch": token(w.pos), "account_data": Content{"events": data}, "presence": Content{"events": []Content{}},
		"device_one_time_keys_count": Content{}, "rooms": Content{"join": join, "invite": invite, "leave": leave},
	}
	return out, len(join)+len(invite)+len(leave)+len(data) > 0
}

// room is what a sync tells of a room, nil for nothing. Of a room that is new to the user it tells all.
func (s *syncing) room(r *room, fresh bool) Content {
	f, since := &s.f.Room, s.since
	if fresh {
		since = 0
	}
	var timeline []*Event
	changed := fresh
	for _, e := range r.events {
		if e.pos > since && f.Timeline.takes(e) {
			timeline = append(timeline, e)
			changed = changed || e.Type == "m.room.member"
		}
	}
	limit := 10
	if f.Timeline.Limit != nil {
		limit = *f.Timeline.Limit
	}
	if most := s.c.server.cfg.Timeline; most > 0 {
		limit = min(limit, most)
	}
	limited := len(timeline) > limit
	timeline = timeline[len(timeline)-min(limit, len(timeline)):]
	ephemeral := s.ephemeral(r)
	state := s.state(r, timeline, since, fresh)
	if len(timeline)+len(ephemeral)+len(state) == 0 && !fresh {
		return nil
	}
	before := s.c.server.World.pos
	if len(timeline) > 0 {
		before = timeline[0].pos - 1
	}
	events := []Content{}
	for _, e := range timeline {
		events = append(events, e.shown(s.c.user.ID, s.c.device))
	}
	out := Content{
		"timeline": Content{"events": events, "limited": limited, "prev_batch": token(before)}, "state": Content{"events": shownState(state)},
		"ephemeral": Content{"events": ephemeral}, "account_data": Content{"events": []Content{}}, "unread_notifications": Content{},
	}
	if f.State.Lazy && (changed || limited) {
		out["summary"] = r.summary(s.c.user.ID)
	}
	return out
}

// state is what has changed before the timeline began, and of members, where they are loaded lazily, those who have sent
// something in it ("Lazy-loading room members").
func (s *syncing) state(r *room, timeline []*Event, since int64, fresh bool) map[[2]string]*Event {
	f, until := &s.f.Room.State, s.c.server.World.pos
	if len(timeline) > 0 {
		until = timeline[0].pos - 1
	}
	found := map[[2]string]*Event{}
	for key, e := range r.state(until) {
		lazy := f.Lazy && e.Type == "m.room.member" && !(fresh && key[1] == s.c.user.ID)
		if (e.pos > since || s.full) && f.takes(e) && !lazy {
			found[key] = e
		}
	}
	if f.Lazy && f.takesType("m.room.member") {
		for key, e := range r.senders(timeline, until) {
			found[key] = e
		}
	}
	return found
}

// senders are the member events of those who have sent events, as they were at a place.
func (r *room) senders(events []*Event, at int64) map[[2]string]*Event {
	found, state := map[[2]string]*Event{}, r.state(at)
	for _, e := range events {
		key := [2]string{"m.room.member", e.Sender}
		if member := state[key]; member != nil {
			found[key] = member
		}
	}
	return found
}

// ephemeral is who types and has read what, where that has changed.
func (s *syncing) ephemeral(r *room) []Content {
	list := []Content{}
	if r.typed > s.since && s.f.Room.Ephemeral.takesType("m.typing") {
		list = append(list, Content{"type": "m.typing", "content": Content{"user_ids": r.typists()}})
	}
	receipts := Content{}
	for who, read := range r.receipts {
		if read.pos <= s.since {
			continue
		}
		kinds, _ := receipts[read.event].(Content)
		if kinds == nil {
			kinds = Content{"m.read": Content{}}
			receipts[read.event] = kinds
		}
		kinds["m.read"].(Content)[who] = Content{"ts": read.at.UnixMilli()}
	}
	if len(receipts) > 0 && s.f.Room.Ephemeral.takesType("m.receipt") {
		list = append(list, Content{"type": "m.receipt", "content": receipts})
	}
	return list
}

// summary says how many are in a room, and who some of them are.
func (r *room) summary(me string) Content {
	joined, invited := r.members("join"), r.members("invite")
	heroes := []string{}
	for _, id := range slices.Concat(joined, invited) {
		if id != me && len(heroes) < 5 {
			heroes = append(heroes, id)
		}
	}
	return Content{"m.heroes": heroes, "m.joined_member_count": len(joined), "m.invited_member_count": len(invited)}
}

// stripped is what is told of a room to somebody who is invited ("Stripped state").
func (r *room) stripped(me string) []Content {
	list := []Content{}
	for key, e := range r.state(now) {
		switch key[0] {
		case "m.room.create", "m.room.join_rules", "m.room.name", "m.room.canonical_alias", "m.room.encryption":
		case "m.room.member":
			if key[1] != me && key[1] != r.state(now)[[2]string{"m.room.member", me}].Sender {
				continue
			}
		default:
			continue
		}
		list = append(list, Content{"type": e.Type, "state_key": key[1], "sender": e.Sender, "content": e.Content})
	}
	return list
}

// shown is an event as a client gets it ("Client event"), with the transaction id for the login that has sent it.
func (e *Event) shown(user, device string) Content {
	unsigned := Content{"age": time.Since(e.At).Milliseconds()}
	if txnDevice, txn, ok := strings.Cut(e.txn, " "); ok && user == e.Sender && txnDevice == device {
		unsigned["transaction_id"] = txn
	}
	out := Content{
		"event_id": e.ID, "room_id": e.Room, "type": e.Type, "sender": e.Sender, "content": e.Content, "origin_server_ts": e.At.UnixMilli(), "unsigned": unsigned,
	}
	if e.StateKey != nil {
		out["state_key"] = *e.StateKey
		if e.before != nil {
			unsigned["prev_content"] = e.before
		}
	}
	if e.Redacts != "" {
		out["redacts"] = e.Redacts
	}
	if e.Redacted {
		unsigned["redacted_because"] = Content{"type": "m.room.redaction", "event_id": "$redaction"}
	}
	return out
}
