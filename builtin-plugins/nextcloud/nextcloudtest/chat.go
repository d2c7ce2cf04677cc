package nextcloudtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// listRooms is somebody's conversations ("Get user's conversations").
func (s *Server) listRooms(c *call) (any, error) {
	c.w.Header().Set("X-Nextcloud-Talk-Hash", "5fb9a2d1") // of the configuration, which does not change
	s.mu.Lock()
	defer s.mu.Unlock()
	since := c.number("modifiedSince")
	list := []fields{}
	for _, r := range s.rooms {
		read, in := r.members[c.user.ID]
		if !in || r.active.Unix() <= since {
			continue
		}
		name := r.Name
		for id := range r.members {
			if r.Type == 1 && id != c.user.ID {
				name = s.users[id].Name
			}
		}
		out := fields{"id": 1, "token": r.Token, "type": r.Type, "name": name, "displayName": name, "lastActivity": r.active.Unix(), "lastReadMessage": read}
		if n := len(r.messages); n > 0 {
			out["lastMessage"] = s.shown(r, r.messages[n-1], false)
		}
		list = append(list, out)
	}
	c.w.Header().Set("X-Nextcloud-Talk-Modified-Before", strconv.FormatInt(time.Now().Unix(), 10))
	return list, nil
}

// create makes a conversation of two ("Creating a new conversation").
func (s *Server) create(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	other := s.users[c.params["invite"]]
	if c.params["roomType"] != "1" || other == nil || other == c.user {
		return nil, refuse(404, "")
	}
	return made{fields{"token": s.oneToOne(c.user.ID, other.ID).Token}}, nil
}

// chat is a page of messages, or a wait for them ("Receive chat messages of a conversation").
func (s *Server) chat(c *call) (any, error) {
	limit := int(c.number("limit"))
	if limit < 1 || limit > 200 {
		limit = 100
	}
	if c.params["lookIntoFuture"] != "1" {
		return s.page(c, limit)
	}
	end := time.NewTimer(time.Duration(min(c.number("timeout"), 60)) * time.Second)
	defer end.Stop()
	for step := 1; ; step = 0 {
		changed := s.Next()
		list, err := s.behind(c, limit, step)
		if len(list) > 0 || err != nil {
			s.waits(c, -1)
			return list, err
		}
		select {
		case <-changed:
			continue
		case <-end.C:
		case <-c.Context().Done():
		case <-s.Life.Done():
		}
		s.waits(c, -1)
		return nil, errNothing
	}
}

// waits counts the long polls of somebody.
func (s *Server) waits(c *call, n int) {
	if c.number("timeout") == 0 {
		return
	}
	s.mu.Lock()
	s.wait[c.user.ID] += n
	s.mu.Unlock()
	s.Raise()
}

// behind are the messages behind the last known one.
func (s *Server) behind(c *call, limit, step int) ([]fields, error) {
	if step > 0 {
		s.waits(c, 1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	if err != nil {
		return nil, err
	}
	var list []fields
	for _, m := range r.messages {
		if m.ID > c.number("lastKnownMessageId") && len(list) < limit {
			list = append(list, s.shown(r, m, true))
			c.w.Header().Set("X-Chat-Last-Given", strconv.FormatInt(m.ID, 10))
		}
	}
	return list, nil
}

// page are the latest messages, the newest first.
func (s *Server) page(c *call, limit int) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	if err != nil {
		return nil, err
	}
	list := []fields{}
	for _, m := range slices.Backward(r.messages) {
		if before := c.number("lastKnownMessageId"); len(list) < limit && (before == 0 || m.ID < before) {
			list = append(list, s.shown(r, m, true))
		}
	}
	if len(list) == 0 {
		return nil, errNothing
	}
	return list, nil
}

// say takes a message ("Sending a new chat message").
func (s *Server) say(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	text := strings.TrimSpace(c.params["message"])
	switch {
	case err != nil:
		return nil, err
	case r.readOnly:
		return nil, refuse(403, "")
	case text == "":
		return nil, refuse(400, "message")
	case utf8.RuneCountInString(text) > s.cfg.MaxLength:
		return nil, refuse(413, "message")
	}
	m := &Message{Kind: "users", Sender: c.user.ID, Text: text, Reference: c.params["referenceId"], Silent: c.params["silent"] == "true"}
	if to := c.params["replyTo"]; to != "" && to != "0" {
		parent := r.find(to)
		if parent == nil || parent.System != "" || parent.Type == "comment_deleted" {
			return nil, refuse(400, "reply-to")
		}
		m.Parent, m.Thread = parent.ID, parent.Thread
	} else if id := c.params["threadId"]; id != "" && id != "0" {
		if root := r.find(id); root == nil || root.Thread == 0 {
			return nil, refuse(400, "reply-to")
		}
		m.Thread = c.number("threadId")
	}
	r.members[c.user.ID] = s.add(r, m)
	return made{s.shown(r, m, true)}, nil
}

// read sets somebody's read marker ("Mark chat as read").
func (s *Server) read(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.PathValue("token"), c.user.ID)
	if err != nil {
		return nil, err
	}
	r.members[c.user.ID] = max(r.members[c.user.ID], c.number("lastReadMessage"))
	return nil, nil
}

// target is the message that a call is about.
func (s *Server) target(c *call) (*Room, *Message, error) {
	r, err := s.room(c.PathValue("token"), c.user.ID)
	if err != nil {
		return nil, nil, err
	}
	m := r.find(c.PathValue("id"))
	if m == nil || m.Type == "comment_deleted" {
		return nil, nil, refuse(404, "")
	}
	return r, m, nil
}

// edit changes a message ("Editing a chat message").
func (s *Server) edit(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, m, err := s.target(c)
	switch {
	case err != nil:
		return nil, err
	case m.Sender != c.user.ID:
		return nil, refuse(403, "permission")
	}
	s.change(r, m, c.params["message"])
	return s.shown(r, m, true), nil
}

func (w *World) change(r *Room, m *Message, text string) {
	m.Text = text
	w.add(r, &Message{Kind: m.Kind, Sender: m.Sender, Type: "system", System: "message_edited", Text: "{actor} edited a message", Parent: m.ID})
}

// remove takes a message back ("Deleting a chat message").
func (s *Server) remove(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, m, err := s.target(c)
	switch {
	case err != nil:
		return nil, err
	case m.Sender != c.user.ID:
		return nil, refuse(403, "")
	}
	return s.shown(r, s.drop(r, m), true), nil
}

// drop makes of a message one that is gone, and returns the system's word about it.
func (w *World) drop(r *Room, m *Message) *Message {
	m.Type, m.Text, m.Parameters = "comment_deleted", "Message deleted by author", nil
	said := &Message{Kind: m.Kind, Sender: m.Sender, Type: "system", System: "message_deleted", Text: "{actor} deleted a message", Parent: m.ID}
	w.add(r, said)
	return said
}

// react sets an emoji ("React to a message").
func (s *Server) react(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, m, err := s.target(c)
	emoji := c.params["reaction"]
	switch {
	case err != nil:
		return nil, err
	case emoji == "" || emoji[0] < 0x80:
		return nil, refuse(400, "")
	case slices.Contains(m.reactions[emoji], c.user.ID):
		return nil, refuse(409, "")
	}
	s.mark(r, m, c.user.ID, emoji)
	return made{s.reactionsOf(m)}, nil
}

func (w *World) mark(r *Room, m *Message, user, emoji string) {
	if m.reactions == nil {
		m.reactions = map[string][]string{}
	}
	m.reactions[emoji] = append(m.reactions[emoji], user)
	w.add(r, &Message{Kind: "users", Sender: user, Type: "system", System: "reaction", Text: emoji, Parent: m.ID})
}

// unreact takes an emoji back ("Delete a reaction").
func (s *Server) unreact(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	emoji := c.params["reaction"]
	if !slices.Contains(m.reactions[emoji], c.user.ID) {
		return nil, refuse(404, "")
	}
	s.unmark(r, m, c.user.ID, emoji)
	return s.reactionsOf(m), nil
}

func (w *World) unmark(r *Room, m *Message, user, emoji string) {
	m.reactions[emoji] = slices.DeleteFunc(m.reactions[emoji], func(id string) bool { return id == user })
	if len(m.reactions[emoji]) == 0 {
		delete(m.reactions, emoji)
	}
	w.add(r, &Message{Kind: "users", Sender: user, Type: "system", System: "reaction_revoked", Text: "{actor} removed a reaction", Parent: m.ID})
}

// reactions are who has set what ("Retrieve reactions of a message by type").
func (s *Server) reactions(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	return s.reactionsOf(m), nil
}

// reactionsOf are those to a message, and whose they are. The lock is held.
func (w *World) reactionsOf(m *Message) fields {
	out := fields{}
	for emoji, people := range m.reactions {
		if len(people) == 0 {
			continue
		}
		list := []fields{}
		for _, id := range people {
			list = append(list, fields{"actorType": "users", "actorId": id, "actorDisplayName": w.users[id].Name, "timestamp": 1})
		}
		out[emoji] = list
	}
	return out
}

// share shares a file with a conversation ("Share a file to the chat").
func (s *Server) share(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.room(c.params["shareWith"], c.user.ID)
	f, there := s.files[c.user.ID+c.params["path"]]
	var meta struct {
		Caption, MessageType string
		ReplyTo, ThreadID    int64
	}
	switch {
	case c.params["shareType"] != "10" || json.Unmarshal([]byte(c.params["talkMetaData"]), &meta) != nil:
		return nil, refuse(400, "Unknown share type")
	case err != nil || !there:
		return nil, refuse(404, "Wrong path, file/folder does not exist")
	}
	s.shareFile(r, &Message{Kind: "users", Sender: c.user.ID, Text: meta.Caption, Type: meta.MessageType, Reference: c.params["referenceId"], Parent: meta.ReplyTo, Thread: meta.ThreadID}, f)
	return fields{"id": "77"}, nil
}

// shareFile puts a file into the folder Talk of all others in a conversation, and says so there.
func (w *World) shareFile(r *Room, m *Message, f File) int64 {
	path := "Talk/" + f.Name
	for id := range r.members {
		if id != m.Sender {
			w.files[id+"/"+path] = f
		}
	}
	if m.Text == "" {
		m.Text = "{file}"
	}
	m.Parameters = map[string]any{"file": map[string]any{"type": "file", "id": "9", "name": f.Name, "size": len(f.Data), "path": path, "link": "https://cloud.test/f/9", "mimetype": f.Type}}
	return w.add(r, m)
}
