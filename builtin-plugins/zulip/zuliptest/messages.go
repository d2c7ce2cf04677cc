package zuliptest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// term is one condition of a narrow ("Construct a narrow").
type term struct {
	Operator string `json:"operator"`
	Operand  any    `json:"operand"`
}

// UnmarshalJSON takes a term also as a pair, as older clients write it.
func (t *term) UnmarshalJSON(data []byte) error {
	var pair []any
	if json.Unmarshal(data, &pair) == nil && len(pair) == 2 {
		t.Operator, _ = pair[0].(string)
		t.Operand = pair[1]
		return nil
	}
	type plain term
	return json.Unmarshal(data, (*plain)(t))
}

// fits reports whether a message meets a condition; an error where that cannot be said.
func (w *World) fits(m *Message, t term) (bool, error) {
	switch operand := t.Operand; t.Operator {
	case "sender":
		id, isNumber := operand.(float64)
		return isNumber && m.Sender == int64(id) || w.users[m.Sender].Email == operand, nil
	case "stream", "channel":
		if m.Channel == 0 {
			return false, nil
		}
		id, isNumber := operand.(float64)
		return isNumber && m.Channel == int64(id) || w.channels[m.Channel].Name == operand, nil
	case "topic":
		return m.Channel != 0 && strings.EqualFold(m.Topic, fmt.Sprint(operand)), nil
	case "dm":
		list, isList := operand.([]any)
		if !isList {
			return false, bad("Invalid narrow operator: unknown user in dm")
		}
		for _, id := range list {
			if n, isNumber := id.(float64); !isNumber || !slices.Contains(m.People, int64(n)) {
				return false, nil
			}
		}
		return m.Channel == 0 && len(m.People) <= len(list)+1, nil
	}
	return false, bad("Invalid narrow operator: unknown operator")
}

// listMessages is a page of messages ("Get messages").
func (s *Server) listMessages(c *call) (fields, error) {
	before, err := c.number("num_before")
	if err != nil {
		return nil, err
	}
	after, err := c.number("num_after")
	if err != nil {
		return nil, err
	}
	if before+after > 5000 {
		return nil, bad("Too many messages requested (maximum 5000).")
	}
	var narrow []term
	if err := c.read("narrow", &narrow); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.narrowed(c.user.ID, narrow)
	if err != nil {
		return nil, err
	}
	at, exact := len(list), false
	switch anchor := c.params["anchor"]; anchor {
	case "newest":
	case "oldest":
		at = 0
	default:
		id, err := strconv.ParseInt(anchor, 10, 64)
		if err != nil {
			return nil, bad("Invalid anchor")
		}
		at = slices.IndexFunc(list, func(m *Message) bool { return m.ID >= id })
		if at < 0 {
			at = len(list)
		}
		exact = at < len(list) && list[at].ID == id
	}
	behind := at
	if exact { // the anchor itself comes besides
		behind = at + 1
		if c.params["include_anchor"] == "false" && before == 0 {
			at = behind
		}
	}
	from, to := max(0, at-int(before)), min(len(list), behind+int(after))
	out := []fields{}
	for _, m := range list[from:to] {
		shown := s.shown(m)
		shown["flags"] = s.flags(m, c.user.ID)
		out = append(out, shown)
	}
	return fields{"messages": out, "found_newest": to == len(list), "found_oldest": from == 0, "found_anchor": exact, "history_limited": false}, nil
}

// narrowed are the messages of somebody's that meet all conditions.
func (w *World) narrowed(user int64, narrow []term) (list []*Message, err error) {
	for _, m := range w.messages {
		fits := w.shows(m, user)
		for _, t := range narrow {
			ok, err := w.fits(m, t)
			if err != nil {
				return nil, err
			}
			fits = fits && ok
		}
		if fits {
			list = append(list, m)
		}
	}
	return list, nil
}

// send takes a message ("Send a message").
func (s *Server) send(c *call) (fields, error) {
	content := strings.TrimRight(strings.TrimLeft(c.params["content"], "\n"), " \t\r\n")
	if content == "" {
		return nil, bad("Message must not be empty")
	}
	if utf8.RuneCountInString(content) > s.cfg.MaxLength {
		const note = "\n[message truncated]"
		content = string([]rune(content)[:s.cfg.MaxLength-len(note)]) + note
	}
	m := &Message{Sender: c.user.ID, Content: content}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.address(m, c); err != nil {
		return nil, err
	}
	s.add(m, c.params["queue_id"], c.params["local_id"])
	return fields{"id": m.ID, "automatic_new_visibility_policy": nil}, nil
}

// address says where a message goes.
func (w *World) address(m *Message, c *call) error {
	switch c.params["type"] {
	case "direct", "private":
		var to []int64
		if err := c.read("to", &to); err != nil {
			return err
		}
		for _, id := range append(to, m.Sender) {
			if w.users[id] == nil {
				return bad(fmt.Sprintf("Invalid user ID %d", id))
			}
			if !slices.Contains(m.People, id) {
				m.People = append(m.People, id)
			}
		}
		return nil
	case "stream", "channel":
		to := strings.Trim(c.params["to"], `"`)
		channel := w.channel(to)
		if channel == nil {
			return &apiError{status: 400, code: "STREAM_DOES_NOT_EXIST", msg: "Channel '" + to + "' does not exist", more: fields{"stream": to}}
		}
		if m.Channel, m.Topic = channel.ID, strings.TrimSpace(c.params["topic"]); m.Topic == "" {
			m.Topic = "(no topic)"
		}
		if runes := []rune(m.Topic); len(runes) > 60 {
			m.Topic = string(runes[:57]) + "..."
		}
		return nil
	}
	return &apiError{status: 400, code: "BAD_REQUEST", msg: "Invalid type"}
}

// channel is one by its id or name.
func (w *World) channel(which string) *Channel {
	for _, c := range w.channels {
		if c.Name == which || strconv.FormatInt(c.ID, 10) == which {
			return c
		}
	}
	return nil
}

// target is the message that a call is about.
func (s *Server) target(c *call) (*Message, error) {
	id, _ := strconv.ParseInt(c.PathValue("id"), 10, 64)
	if m := s.find(id, c.user.ID); m != nil {
		return m, nil
	}
	return nil, bad("Invalid message(s)")
}

// message is one message ("Fetch a single message").
func (s *Server) message(c *call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	shown := s.shown(m)
	shown["flags"] = s.flags(m, c.user.ID)
	return fields{"message": shown, "raw_content": m.Content}, nil
}

// edit changes a message ("Edit a message").
func (s *Server) edit(c *call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.target(c)
	switch {
	case err != nil:
		return nil, err
	case m.Sender != c.user.ID:
		return nil, bad("You don't have permission to edit this message")
	}
	s.change(m, c.user.ID, c.params["content"])
	return fields{"detached_uploads": []any{}}, nil
}

// change gives a message another text.
func (w *World) change(m *Message, by int64, content string) {
	old := m.Content
	if strings.TrimSpace(content) == "" {
		content = "(deleted)"
	}
	m.Content, m.Edited = content, m.Edited+1
	for _, to := range w.audience(m) {
		w.tell(to, "update_message", func(*queue) fields {
			e := fields{
				"user_id": by, "rendering_only": false, "message_id": m.ID, "message_ids": []int64{m.ID}, "flags": w.flags(m, to),
				"edit_timestamp": time.Now().Unix(), "content": content, "orig_content": old, "rendered_content": content,
			}
			if m.Channel != 0 {
				e["stream_id"], e["stream_name"] = m.Channel, w.channels[m.Channel].Name
			}
			return e
		})
	}
}

// remove takes a message back ("Delete a message"). A bot may not, unless the server lets it.
func (s *Server) remove(c *call) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.target(c)
	if err != nil {
		return nil, err
	}
	if m.Sender != c.user.ID {
		return nil, bad("You don't have permission to delete this message")
	}
	s.drop(m)
	return nil, nil
}

// drop deletes a message.
func (w *World) drop(m *Message) {
	for _, to := range w.audience(m) {
		w.tell(to, "delete_message", func(*queue) fields {
			e := fields{"message_ids": []int64{m.ID}, "message_type": "private"}
			if m.Channel != 0 {
				e["message_type"], e["stream_id"], e["topic"] = "stream", m.Channel, m.Topic
			}
			return e
		})
	}
	m.Deleted = true
}

// typing shows that somebody writes ("Set typing status").
func (s *Server) typing(c *call) (fields, error) {
	if op := c.params["op"]; op != "start" && op != "stop" {
		return nil, bad("Invalid op")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var to []int64
	m := &Message{Sender: c.user.ID}
	switch c.params["type"] {
	case "direct":
		if err := c.read("to", &to); err != nil || len(to) == 0 {
			return nil, bad("Empty 'to' list")
		}
		for _, id := range to {
			if s.users[id] == nil {
				return nil, bad(fmt.Sprintf("Invalid user ID %d", id))
			}
		}
		m.People = append(to, c.user.ID)
	case "stream", "channel":
		channel := s.channel(c.params["stream_id"])
		if channel == nil || c.params["topic"] == "" {
			return nil, bad("Missing topic")
		}
		m.Channel, m.Topic = channel.ID, c.params["topic"]
	default:
		return nil, bad("Invalid type")
	}
	s.types(m, c.params["op"])
	return nil, nil
}

// types tells that a message is being written.
func (w *World) types(m *Message, op string) {
	for _, to := range w.audience(m) {
		w.tell(to, "typing", func(*queue) fields {
			e := fields{"op": op, "sender": fields{"user_id": m.Sender, "email": w.users[m.Sender].Email}}
			if m.Channel != 0 {
				e["message_type"], e["stream_id"], e["topic"] = "stream", m.Channel, m.Topic
				return e
			}
			people := []fields{}
			for _, id := range m.People {
				people = append(people, fields{"user_id": id, "email": w.users[id].Email})
			}
			e["message_type"], e["recipients"] = "direct", people
			return e
		})
	}
}
