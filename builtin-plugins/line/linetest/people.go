package linetest

import (
	"maps"
	"time"
)

// Meet makes somebody known, by a user id.
func (s *Server) Meet(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = name
}

// Group makes a group that the account is in known, by an id that begins with C, or a room, with R.
func (s *Server) Group(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = name
}

// Say has somebody write a text to the account, and returns the message's id.
func (s *Server) Say(from, text string) string {
	return s.Write(from, "", map[string]any{"type": "text", "text": text}, nil)
}

// Write has somebody send a message, in a group or, where that is "", to the account, and returns its id ("Message event"). Its id and its
// quote token are filled in. file is what its content is.
func (s *Server) Write(from, group string, m map[string]any, file []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	if s.people[from] == "" && from != "" {
		s.people[from] = "Somebody " + from
	}
	m = maps.Clone(m)
	id := s.next("4")
	m["id"] = id
	if m["type"] != "file" {
		m["quoteToken"] = "q" + id
		s.quotes["q"+id] = id
	}
	if file != nil {
		s.files[id] = file
		if m["contentProvider"] == nil && m["type"] != "file" {
			m["contentProvider"] = map[string]any{"type": "line"}
		}
	}
	s.post(from, group, "message", map[string]any{"message": m})
	return id
}

// Press has somebody press a button of a message, and returns nothing that the account could know it by ("Postback event").
func (s *Server) Press(from, group string, m Sent, label string) {
	s.Happen(from, group, "postback", map[string]any{"postback": map[string]any{"data": m.Choices[label]}})
}

// Happen has the webhook told of an event of a type, with what it has beside what all have.
func (s *Server) Happen(from, group, kind string, more map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	s.post(from, group, kind, more)
}

// Expire ends all reply tokens, as a minute does.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, token := range s.tokens {
		token.used = true
	}
}

// source is where an event is from ("Common properties").
func source(from, group string) map[string]any {
	out := map[string]any{"type": "user"}
	if from != "" {
		out["userId"] = from
	}
	switch {
	case group != "" && group[0] == 'R':
		out["type"], out["roomId"] = "room", group
	case group != "":
		out["type"], out["groupId"] = "group", group
	}
	return out
}

// answerable are the events that come with a reply token.
var answerable = map[string]bool{"message": true, "follow": true, "join": true, "postback": true, "memberJoined": true}

// post queues an event for the webhook. The lock is held.
func (s *Server) post(from, group, kind string, more map[string]any) {
	e := map[string]any{"type": kind, "mode": "active", "timestamp": time.Now().UnixMilli(), "source": source(from, group),
		"webhookEventId": s.next("01H"), "deliveryContext": map[string]any{"isRedelivery": false}}
	maps.Copy(e, more)
	if answerable[kind] {
		token, to := s.next("reply"), from
		if group != "" {
			to = group
		}
		s.tokens[token] = &replyToken{to: to}
		e["replyToken"] = token
	}
	s.Tell(e)
}
