package feishutest

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Meet makes somebody known, by an open id.
func (s *Server) Meet(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = name
}

// Group makes a group that the bot is in, and returns its id.
func (s *Server) Group(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Chat{ID: s.next("oc"), Name: name}
	s.chats[c.ID] = c
	return c.ID
}

// direct is the direct chat with somebody. The lock is held.
func (s *Server) direct(person string) *Chat {
	for _, c := range s.chats {
		if c.Person == person {
			return c
		}
	}
	c := &Chat{ID: s.next("oc"), Person: person}
	s.chats[c.ID] = c
	return c
}

// Said is what somebody writes.
type Said struct {
	// From is an open id; Chat a group, or "" for the direct chat.
	From, Chat string
	// Type is text when empty, Content what the message has.
	Type    string
	Content map[string]any
	// More are further fields of the message, such as parent_id, root_id, thread_id and mentions.
	More map[string]any
	// File is the picture or file of the content's image_key or file_key, which is filled in.
	File []byte
}

// Say has somebody write a text to the bot, and returns the message's id.
func (s *Server) Say(from, text string) string {
	return s.Write(Said{From: from, Content: map[string]any{"text": text}})
}

// Mention has somebody write a text in a group that calls the bot, and returns the message's id. @_user_1 in it is the bot.
func (s *Server) Mention(from, chat, text string) string {
	return s.Write(Said{From: from, Chat: chat, Content: map[string]any{"text": text}, More: map[string]any{"mentions": []any{
		map[string]any{"key": "@_user_1", "id": map[string]any{"open_id": s.cfg.Bot}, "name": "Carapace"},
	}}})
}

// Write has somebody send a message, and returns its id ("Receive message").
func (s *Server) Write(w Said) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	if s.people[w.From] == "" {
		s.people[w.From] = "Somebody " + w.From
	}
	m := &Message{From: w.From, Chat: w.Chat, Type: w.Type, At: time.Now()}
	kind := "group"
	if m.Chat == "" {
		m.Chat, kind = s.direct(w.From).ID, "p2p"
	}
	if m.Type == "" {
		m.Type = "text"
	}
	s.put(m)
	inner := maps.Clone(w.Content)
	if w.File != nil {
		key, field := s.next("file"), "file_key"
		if m.Type == "image" {
			field = "image_key"
		}
		s.files[key] = &file{data: w.File, form: m.Type, of: m.ID}
		if inner == nil {
			inner = map[string]any{}
		}
		inner[field] = key
	}
	text, _ := json.Marshal(inner) // texts and numbers
	message := map[string]any{"message_id": m.ID, "chat_id": m.Chat, "chat_type": kind, "message_type": m.Type, "content": string(text), "create_time": now()}
	maps.Copy(message, w.More)
	s.post("im.message.receive_v1", map[string]any{"sender": sender(w.From), "message": message})
	return m.ID
}

func sender(id string) map[string]any {
	return map[string]any{"sender_id": map[string]any{"open_id": id}, "sender_type": "user", "tenant_key": "t"}
}

func now() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }

// Choose has somebody press a button of a card ("Card callback communication").
func (s *Server) Choose(from, message, label string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	m := s.messages[message]
	s.post("card.action.trigger", map[string]any{
		"operator": map[string]any{"open_id": from, "tenant_key": "t"}, "token": "c-1", "host": "im_message",
		"action":  map[string]any{"tag": "button", "value": m.values[label]},
		"context": map[string]any{"open_message_id": m.ID, "open_chat_id": m.Chat},
	})
}

// React has somebody react to a message, or with on false take it back.
func (s *Server) React(from, message, emoji string, on bool) {
	kind := "im.message.reaction.created_v1"
	if !on {
		kind = "im.message.reaction.deleted_v1"
	}
	s.Happen(kind, map[string]any{"message_id": message, "reaction_type": map[string]any{"emoji_type": emoji}, "operator_type": "user",
		"user_id": map[string]any{"open_id": from}, "action_time": now()})
}

// Recall has a message taken back.
func (s *Server) Recall(message string) {
	s.mu.Lock()
	m := s.messages[message]
	m.Gone = true
	chat := m.Chat
	s.mu.Unlock()
	s.Happen("im.message.recalled_v1", map[string]any{"message_id": message, "chat_id": chat, "recall_time": now(), "recall_type": "message_owner"})
}

// Rewrite has somebody change a text.
func (s *Server) Rewrite(message, text string) {
	s.mu.Lock()
	m := s.messages[message]
	from, chat, kind := m.From, m.Chat, "group"
	if s.chats[chat].Person != "" {
		kind = "p2p"
	}
	s.mu.Unlock()
	body, _ := json.Marshal(map[string]string{"text": text})
	s.Happen("im.message.updated_v1", map[string]any{"sender": sender(from), "message": map[string]any{
		"message_id": message, "chat_id": chat, "chat_type": kind, "message_type": "text", "content": string(body), "create_time": now(), "update_time": now(),
	}})
}

// Happen has the webhook told of an event.
func (s *Server) Happen(kind string, event map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	s.post(kind, event)
}

// ChatOf is the id of the direct chat with somebody.
func (s *Server) ChatOf(person string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.direct(person).ID
}

// eventID is one that was not given out yet: 32 digits, as the platform's are.
func (s *Server) eventID() string {
	s.count++
	n := strconv.Itoa(s.count)
	return strings.Repeat("0", 32-len(n)) + n
}
