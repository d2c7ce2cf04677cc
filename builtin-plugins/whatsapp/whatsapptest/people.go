package whatsapptest

import (
	"strconv"
	"time"
)

// Meet makes somebody known to WhatsApp, and returns who it is.
func (s *Server) Meet(p Person) *Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meet(p)
}

func (s *Server) meet(p Person) *Person {
	known := s.people[p.Number]
	if known == nil {
		known = &p
	}
	for _, id := range []string{p.Number, p.User} {
		if id != "" {
			s.people[id] = known
		}
	}
	return known
}

// Say has somebody write a text to the number, and returns the message's id.
func (s *Server) Say(from Person, text string) string {
	return s.Write(from, map[string]any{"type": "text", "text": map[string]any{"body": text}})
}

// SendFile has somebody send a file: an image, video, audio, document or sticker, with what its object has beside the id.
func (s *Server) SendFile(from Person, kind, mime string, data []byte, more map[string]any) string {
	s.mu.Lock()
	id := s.next("media")
	s.files[id] = &file{data: data, mime: mime}
	s.mu.Unlock()
	object := map[string]any{"id": id, "mime_type": mime}
	for name, value := range more {
		object[name] = value
	}
	return s.Write(from, map[string]any{"type": kind, kind: object})
}

// Write has somebody send a message, given as the webhook has it, and returns its id. Its id, its time and who it is from are
// filled in.
func (s *Server) Write(from Person, m map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	p := s.meet(from)
	p.wrote = s.cfg.Now()
	id := "wamid." + s.next("in")
	m["id"], m["timestamp"] = id, strconv.FormatInt(s.cfg.Now().Unix(), 10)
	contact := map[string]any{"profile": map[string]any{"name": from.Name}}
	if from.User != "" {
		m["from_user_id"], contact["user_id"] = from.User, from.User
	}
	if !from.Hidden {
		m["from"], contact["wa_id"] = from.Number, from.Number
	}
	s.post(map[string]any{"contacts": []any{contact}, "messages": []any{m}})
	return id
}

// Choose has somebody choose what stands behind a label of a message of the number's, and returns the message's id.
func (s *Server) Choose(from Person, message Sent, label string) string {
	return s.Write(from, map[string]any{
		"type": "interactive", "context": map[string]any{"from": s.cfg.Number, "id": message.ID},
		"interactive": map[string]any{"type": "button_reply", "button_reply": map[string]any{"id": message.Choices[label], "title": label}},
	})
}

// Leave lets so much time go by since somebody wrote.
func (s *Server) Leave(number string, ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[number]; p != nil {
		p.wrote = s.cfg.Now().Add(-ago)
	}
}

// become has the webhook told what becomes of a message: failed; or sent, and delivered. The lock is held.
func (s *Server) become(m Sent) {
	status := func(kind string) map[string]any {
		v := map[string]any{"id": m.ID, "status": kind, "timestamp": strconv.FormatInt(s.cfg.Now().Unix(), 10), "recipient_id": m.To}
		if m.Key != "" {
			v["biz_opaque_callback_data"] = m.Key
		}
		if kind == "failed" {
			v["errors"] = []any{map[string]any{"code": m.Failed, "title": "failed", "error_data": map[string]any{"details": "Message failed to send"}}}
		}
		return v
	}
	kinds := []string{"sent", "delivered"}
	if m.Failed != 0 {
		kinds = []string{"failed"}
	}
	s.later(s.cfg.StatusDelay, func() {
		for _, kind := range kinds {
			s.post(map[string]any{"statuses": []any{status(kind)}})
		}
	})
}
