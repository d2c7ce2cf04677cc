package matrixtest

import (
	"encoding/json"
	"slices"
)

func createRoom(c *call) (any, error) {
	var in struct {
		Name     string   `json:"name"`
		Preset   string   `json:"preset"`
		IsDirect bool     `json:"is_direct"`
		Invite   []string `json:"invite"`
		State    []struct {
			Type    string  `json:"type"`
			Key     string  `json:"state_key"`
			Content Content `json:"content"`
		} `json:"initial_state"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, who := range in.Invite {
		if w.users[who] == nil {
			return nil, forbidden("Cannot invite " + who + ": there is no such user")
		}
	}
	r := w.create(c.user, RoomOptions{Name: in.Name, Direct: in.IsDirect, Invite: in.Invite, Public: in.Preset == "public_chat"})
	for _, s := range in.State {
		w.set(r, c.user.ID, s.Type, s.Key, s.Content)
	}
	return Content{"room_id": r.id}, nil
}

// room is the room that a call names, which the caller has to be in. It needs the lock.
func (c *call) room() (*room, error) {
	r := c.server.World.rooms[c.PathValue("room")]
	if r == nil || !r.joined(c.user.ID) {
		return nil, forbidden("User " + c.user.ID + " not in room " + c.PathValue("room"))
	}
	return r, nil
}

// inRoom answers a call about a room that the caller is in.
func (c *call) inRoom(do func(w *World, r *room) (any, error)) (any, error) {
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := c.room()
	if err != nil {
		return nil, err
	}
	return do(w, r)
}

// joinRoom comes into a room that the caller was invited to, or that is public.
func joinRoom(c *call) (any, error) {
	w := c.server.World
	w.mu.Lock()
	defer w.mu.Unlock()
	id := c.PathValue("room")
	if to := w.alias[id]; to != "" {
		id = to
	}
	r := w.rooms[id]
	if r == nil {
		return nil, notFound("Can't join remote room because no servers that are in the room have been provided.")
	}
	rule := ""
	if e := r.state(now)[[2]string{"m.room.join_rules", ""}]; e != nil {
		rule, _ = e.Content["join_rule"].(string)
	}
	switch is := r.member(c.user.ID, now); {
	case is == "join":
	case is != "invite" && rule != "public":
		return nil, forbidden("You are not invited to this room.")
	default:
		w.move(r, c.user.ID, c.user.ID, "join", nil)
	}
	return Content{"room_id": r.id}, nil
}

// changeMember answers POST /rooms/{id}/invite, leave, kick and read_markers.
func changeMember(c *call) (any, error) {
	var in struct {
		User      string `json:"user_id"`
		FullyRead string `json:"m.fully_read"`
		Read      string `json:"m.read"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return c.inRoom(func(w *World, r *room) (any, error) {
		switch c.PathValue("change") {
		case "invite":
			w.move(r, c.user.ID, in.User, "invite", nil)
		case "leave":
			w.move(r, c.user.ID, c.user.ID, "leave", nil)
		case "kick":
			w.move(r, c.user.ID, in.User, "leave", nil)
		case "read_markers":
			if in.Read != "" {
				w.read(r, c.user.ID, in.Read)
			}
		default:
			return nil, &apiError{status: 404, code: "M_UNRECOGNIZED", words: "Unrecognized request"}
		}
		return Content{}, nil
	})
}

func joinedRooms(c *call) (any, error) {
	list := c.server.Rooms(c.user.ID)
	if list == nil {
		list = []string{}
	}
	return Content{"joined_rooms": list}, nil
}

func joinedMembers(c *call) (any, error) {
	return c.inRoom(func(w *World, r *room) (any, error) {
		found := Content{}
		for _, id := range r.members("join") {
			entry := Content{}
			if u := w.users[id]; u != nil && u.name != "" {
				entry["display_name"] = u.name
			}
			found[id] = entry
		}
		return Content{"joined": found}, nil
	})
}

func allMembers(c *call) (any, error) {
	return c.inRoom(func(_ *World, r *room) (any, error) {
		list := []Content{}
		for key, e := range r.state(now) {
			if key[0] == "m.room.member" {
				list = append(list, e.shown("", ""))
			}
		}
		return Content{"chunk": list}, nil
	})
}

func allState(c *call) (any, error) {
	return c.inRoom(func(_ *World, r *room) (any, error) { return shownState(r.state(now)), nil })
}

// shownState is state as a list, in the order in which it was set.
func shownState(state map[[2]string]*Event) []Content {
	var events []*Event
	for _, e := range state {
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b *Event) int { return int(a.pos - b.pos) })
	list := []Content{}
	for _, e := range events {
		list = append(list, e.shown("", ""))
	}
	return list
}

func getState(c *call) (any, error) {
	return c.inRoom(func(_ *World, r *room) (any, error) {
		if e := r.state(now)[[2]string{c.PathValue("type"), c.PathValue("key")}]; e != nil {
			return e.Content, nil
		}
		return nil, notFound("Event not found.")
	})
}

func putState(c *call) (any, error) {
	var content Content
	if err := c.read(&content); err != nil {
		return nil, err
	}
	return c.inRoom(func(w *World, r *room) (any, error) {
		return Content{"event_id": w.set(r, c.user.ID, c.PathValue("type"), c.PathValue("key"), content).ID}, nil
	})
}

func getEvent(c *call) (any, error) {
	return c.inRoom(func(_ *World, r *room) (any, error) {
		if e := r.find(c.PathValue("event")); e != nil {
			return e.shown(c.user.ID, c.device), nil
		}
		return nil, notFound("Event not found.")
	})
}

// relates is what an event relates to, and how.
func (e *Event) relates() (kind, target, key string) {
	rel := relatesTo(e.Content)
	kind, _ = rel["rel_type"].(string)
	target, _ = rel["event_id"].(string)
	key, _ = rel["key"].(string)
	return kind, target, key
}

// relatesTo is m.relates_to of a content, which a test may have made of its own types.
func relatesTo(content Content) Content {
	switch rel := content["m.relates_to"].(type) {
	case Content:
		return rel
	case nil:
		return nil
	default:
		var out Content
		if b, err := json.Marshal(rel); err == nil {
			_ = json.Unmarshal(b, &out)
		}
		return out
	}
}

// relations are the events that relate to one ("Relationships API"), the newest first.
func relations(c *call) (any, error) {
	return c.inRoom(func(_ *World, r *room) (any, error) {
		list := []Content{}
		for _, e := range slices.Backward(r.events) {
			kind, target, _ := e.relates()
			if !e.Redacted && target == c.PathValue("event") && kind == c.PathValue("rel") && (c.PathValue("type") == "" || e.Type == c.PathValue("type")) {
				list = append(list, e.shown(c.user.ID, c.device))
			}
		}
		return Content{"chunk": list}, nil
	})
}
