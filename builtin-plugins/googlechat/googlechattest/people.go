package googlechattest

import (
	"maps"
	"strings"
	"time"
)

// Meet has somebody add the app, and returns the direct message with them.
func (s *Server) Meet(p Person) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.met[p.Name]
	if id == "" {
		id = "spaces/dm-" + strings.TrimPrefix(p.Name, "users/")
		s.met[p.Name], s.spaces[id] = id, &Space{Name: id, Type: "DIRECT_MESSAGE"}
		if p.Email != "" {
			s.met["users/"+p.Email] = id
		}
	}
	return *s.spaces[id]
}

// Open makes a space known, in which the app is a member.
func (s *Server) Open(space Space) Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces[space.Name] = &space
	return space
}

// Event is what somebody does in a space, as Google posts it; more are fields of the event.
func (s *Server) Event(kind string, p Person, space Space, more map[string]any) map[string]any {
	e := map[string]any{
		"type": kind, "eventTime": time.Now().UTC().Format(time.RFC3339Nano), "user": user(p),
		"space": map[string]any{"name": space.Name, "spaceType": space.Type, "displayName": space.DisplayName, "spaceThreadingState": "THREADED_MESSAGES"},
	}
	for field, value := range more {
		e[field] = value
	}
	return e
}

func user(p Person) map[string]any {
	return map[string]any{"name": p.Name, "displayName": p.DisplayName, "email": p.Email, "type": "HUMAN"}
}

// Do has somebody do something in a space.
func (s *Server) Do(kind string, p Person, space Space, more map[string]any) {
	s.Tell(s.Event(kind, p, space, more))
	s.Raise()
}

// Say has somebody write a message, given by its fields, and returns its name. thread is where, "" for a new one.
func (s *Server) Say(p Person, space Space, thread string, m map[string]any) (name string) {
	s.mu.Lock()
	name = space.Name + "/messages/" + s.next("m")
	if thread == "" {
		thread = space.Name + "/threads/" + s.next("t")
	}
	m["name"], m["sender"], m["createTime"], m["thread"] = name, user(p), time.Now().UTC().Format(time.RFC3339Nano), map[string]any{"name": thread}
	s.said[name] = maps.Clone(m)
	s.mu.Unlock()
	s.Do("MESSAGE", p, space, map[string]any{"message": m})
	return name
}

// Text is a message with a text, in which the app is named where it is a space's.
func Text(space Space, text string) map[string]any {
	if space.Type == "DIRECT_MESSAGE" {
		return map[string]any{"text": text, "argumentText": text}
	}
	mention := map[string]any{"user": map[string]any{"name": "users/app", "displayName": "Carapace", "type": "BOT"}, "type": "MENTION"}
	return map[string]any{
		"text": "@Carapace " + text, "argumentText": " " + text,
		"annotations": []any{map[string]any{"type": "USER_MENTION", "startIndex": 0, "length": 9, "userMention": mention}},
	}
}

// Choose has somebody press a button of a message of the app's.
func (s *Server) Choose(p Person, m Sent, label string) {
	s.mu.Lock()
	space := *s.spaces[m.Space]
	s.mu.Unlock()
	s.Do("CARD_CLICKED", p, space, map[string]any{
		"message": map[string]any{"name": m.Name, "thread": map[string]any{"name": m.Thread}},
		"action":  map[string]any{"actionMethodName": "choose", "parameters": []any{map[string]any{"key": "carapace", "value": m.Choices[label]}}},
	})
}

// Upload keeps a file that somebody has sent, and returns the name by which the app fetches it.
func (s *Server) Upload(mime string, data []byte) (resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resource = "Clx" + s.next("f") + "/part="
	s.files[resource] = file{data, mime}
	return resource
}
