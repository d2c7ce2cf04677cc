package matrixtest

import (
	"slices"
	"time"
)

// RoomOptions say what a room is.
type RoomOptions struct {
	Name, Alias string
	// Direct says that the invitations are to a direct room.
	Direct bool
	// Encrypted turns encryption on.
	Encrypted bool
	Invite    []string
	// Public lets anybody join.
	Public bool
}

// CreateRoom makes a room that the user is in and returns its id.
func (u *User) CreateRoom(o RoomOptions) string {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	return u.world.create(u, o).id
}

// create needs the lock.
func (w *World) create(by *User, o RoomOptions) *room {
	r := &room{id: w.id("!room") + ":" + w.name, version: "11", typing: map[string]time.Time{}, receipts: map[string]receipt{}, muted: map[string]bool{}}
	w.rooms[r.id] = r
	rule := "invite"
	if o.Public {
		rule = "public"
	}
	w.set(r, by.ID, "m.room.create", "", Content{"room_version": r.version})
	w.move(r, by.ID, by.ID, "join", nil)
	w.set(r, by.ID, "m.room.power_levels", "", Content{"users": Content{by.ID: 100}})
	w.set(r, by.ID, "m.room.join_rules", "", Content{"join_rule": rule})
	w.set(r, by.ID, "m.room.history_visibility", "", Content{"history_visibility": "shared"})
	if o.Encrypted {
		w.set(r, by.ID, "m.room.encryption", "", Content{"algorithm": "m.megolm.v1.aes-sha2"})
	}
	if o.Name != "" {
		w.set(r, by.ID, "m.room.name", "", Content{"name": o.Name})
	}
	if o.Alias != "" {
		w.alias[o.Alias] = r.id
		w.set(r, by.ID, "m.room.canonical_alias", "", Content{"alias": o.Alias})
	}
	for _, who := range o.Invite {
		more := Content{}
		if o.Direct {
			more["is_direct"] = true
		}
		w.move(r, by.ID, who, "invite", more)
	}
	return r
}

// set adds a state event.
func (w *World) set(r *room, sender, kind, key string, content Content) *Event {
	return w.add(r, &Event{Type: kind, Sender: sender, StateKey: &key, Content: content})
}

// move gives somebody another membership.
func (w *World) move(r *room, sender, who, membership string, more Content) *Event {
	content := Content{"membership": membership}
	if u := w.users[who]; u != nil && u.name != "" {
		content["displayname"] = u.name
	}
	for key, value := range more {
		content[key] = value
	}
	return w.set(r, sender, "m.room.member", who, content)
}

// in does something in a room.
func (u *User) in(id string, do func(r *room) *Event) string {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	r := u.world.rooms[id]
	if r == nil {
		panic("matrixtest: there is no room " + id)
	}
	if e := do(r); e != nil {
		return e.ID
	}
	return ""
}

// Say sends a text and returns the event's id.
func (u *User) Say(room, text string) string {
	return u.Send(room, "m.room.message", Content{"msgtype": "m.text", "body": text})
}

// Send sends an event and returns its id.
func (u *User) Send(id, kind string, content Content) string {
	return u.in(id, func(r *room) *Event { return u.world.add(r, &Event{Type: kind, Sender: u.ID, Content: content}) })
}

// SetState sends a state event.
func (u *User) SetState(id, kind, key string, content Content) string {
	return u.in(id, func(r *room) *Event { return u.world.set(r, u.ID, kind, key, content) })
}

// Redact takes an event back and returns the id of what says so.
func (u *User) Redact(id, event string) string {
	return u.in(id, func(r *room) *Event { return u.world.redact(r, u.ID, event, "", "") })
}

// Invite, Join, Leave and Kick change who is in a room.
func (u *User) Invite(id, who string) string {
	return u.in(id, func(r *room) *Event { return u.world.move(r, u.ID, who, "invite", nil) })
}

// Join comes into a room.
func (u *User) Join(id string) string {
	return u.in(id, func(r *room) *Event { return u.world.move(r, u.ID, u.ID, "join", nil) })
}

// Leave goes out of a room.
func (u *User) Leave(id string) string {
	return u.in(id, func(r *room) *Event { return u.world.move(r, u.ID, u.ID, "leave", nil) })
}

// Kick puts somebody out of a room.
func (u *User) Kick(id, who string) string {
	return u.in(id, func(r *room) *Event { return u.world.move(r, u.ID, who, "leave", nil) })
}

// Type begins or ends to show that the user types.
func (u *User) Type(id string, on bool) {
	u.in(id, func(r *room) *Event { u.world.type_(r, u.ID, on, time.Minute); return nil })
}

// Read says that the user has read up to an event.
func (u *User) Read(id, event string) {
	u.in(id, func(r *room) *Event {
		r.receipts[u.ID] = receipt{event, u.world.tick(), time.Now()}
		return nil
	})
}

// Mute takes from somebody the right to send to a room.
func (u *User) Mute(id, who string) {
	u.in(id, func(r *room) *Event { r.muted[who] = true; return nil })
}

// Upgrade makes a room that takes the place of another, and returns its id. Those who were in the old one may join it, if it is
// public, or else have to be invited.
func (u *User) Upgrade(id string, public bool) string {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	old := u.world.rooms[id]
	next := u.world.create(u, RoomOptions{Public: public, Name: name(old)})
	u.world.set(old, u.ID, "m.room.tombstone", "", Content{"body": "This room has been replaced", "replacement_room": next.id})
	return next.id
}

// name is what a room is called.
func name(r *room) string {
	if e := r.state(now)[[2]string{"m.room.name", ""}]; e != nil {
		name, _ := e.Content["name"].(string)
		return name
	}
	return ""
}

// type_ notes that somebody types, or does not any more.
func (w *World) type_(r *room, who string, on bool, long time.Duration) {
	delete(r.typing, who)
	if on {
		r.typing[who] = time.Now().Add(long)
	}
	r.typed = w.tick()
}

// redact takes an event back.
func (w *World) redact(r *room, by, event, reason, txn string) *Event {
	content := Content{"redacts": event}
	if reason != "" {
		content["reason"] = reason
	}
	e := w.add(r, &Event{Type: "m.room.redaction", Sender: by, Content: content, Redacts: event, txn: txn})
	if target := r.find(event); target != nil {
		target.Redacted, target.Content = true, Content{}
	}
	return e
}

// Events returns the events of a room of these types, all without any, in order.
func (w *World) Events(id string, types ...string) (list []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[id]; r != nil {
		for _, e := range r.events {
			if len(types) == 0 || slices.Contains(types, e.Type) {
				list = append(list, *e)
			}
		}
	}
	return list
}

// Shown is a message as people read it.
type Shown struct {
	ID, Sender, Text string
	At               time.Time
}

// Shown returns the messages of a room as people read them: with the edits of their senders, and without those that were taken
// back.
func (w *World) Shown(id string) (list []Shown) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[id]
	if r == nil {
		return nil
	}
	for _, e := range r.events {
		if e.Type != "m.room.message" || e.Redacted {
			continue
		}
		body, _ := e.Content["body"].(string)
		kind, target, _ := e.relates()
		at := slices.IndexFunc(list, func(m Shown) bool { return kind == "m.replace" && m.ID == target && m.Sender == e.Sender })
		if kind != "m.replace" {
			list = append(list, Shown{e.ID, e.Sender, body, e.At})
		} else if fresh, _ := e.Content["m.new_content"].(Content); at >= 0 {
			list[at].Text, _ = fresh["body"].(string)
		}
	}
	return list
}

// Members are the ids of those who are in a room.
func (w *World) Members(id string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[id]; r != nil {
		return r.members("join")
	}
	return nil
}

// Typing are the ids of those who type in a room.
func (w *World) Typing(id string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[id]; r != nil {
		return r.typists()
	}
	return nil
}

func (r *room) typists() []string {
	list := []string{}
	for who, until := range r.typing {
		if time.Now().Before(until) {
			list = append(list, who)
		}
	}
	slices.Sort(list)
	return list
}

// HasRead is the last event of a room that somebody says to have read.
func (w *World) HasRead(id, user string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[id]; r != nil {
		return r.receipts[user].event
	}
	return ""
}

// Rooms are the ids of the rooms that a user is in, in the order in which they were made.
func (w *World) Rooms(user string) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.rooms {
		if r.joined(user) {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return int(w.rooms[a].events[0].pos - w.rooms[b].events[0].pos) })
	return list
}
