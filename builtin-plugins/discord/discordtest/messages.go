package discordtest

import (
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// draft is what a bot asks to be sent (Create Message).
type draft struct {
	Content          *string         `json:"content"`
	Nonce            json.RawMessage `json:"nonce"`
	EnforceNonce     bool            `json:"enforce_nonce"`
	MessageReference *Reference      `json:"message_reference"`
	Components       []Component     `json:"components"`
	Embeds           []Embed         `json:"embeds"`
	Flags            int             `json:"flags"`
	Poll             json.RawMessage `json:"poll"`
	Attachments      []struct {
		ID       json.RawMessage `json:"id"`
		Filename string          `json:"filename"`
	} `json:"attachments"`
}

// target is a channel that the bot may write to.
func (w *world) target(id string) (*Channel, error) {
	c := w.channels[id]
	switch {
	case c == nil:
		return nil, unknownChannel()
	case w.refused[id] != nil:
		return nil, w.refused[id]
	case c.Type == DirectChat && w.refused[c.Recipients[0].ID] != nil:
		return nil, w.refused[c.Recipients[0].ID]
	case c.Type == Forum:
		return nil, &apiError{Status: 400, Code: 50008, Message: "Cannot send messages in a non-text channel"}
	case c.Thread != nil && c.Thread.Locked:
		return nil, &apiError{Status: 400, Code: 160005, Message: "Thread is locked"}
	}
	return c, nil
}

// check looks at what is to be sent.
func (d *draft) check(files int) error {
	content := ""
	if d.Content != nil {
		content = *d.Content
	}
	switch {
	case utf8.RuneCountInString(content) > 2000:
		return invalidForm("content")
	case strings.TrimSpace(content) == "" && files == 0 && len(d.Embeds) == 0 && d.Poll == nil:
		return &apiError{Status: 400, Code: 50006, Message: "Cannot send an empty message"}
	case len(d.Nonce) > 27 || len(d.Components) > 5 || files > 10 || len(d.Attachments) > files:
		return invalidForm("attachments")
	}
	seen := map[string]bool{}
	for _, row := range d.Components {
		if row.Type != 1 || len(row.Components) == 0 || len(row.Components) > 5 {
			return invalidForm("components")
		}
		for _, button := range row.Components {
			if button.Type != 2 || button.CustomID == "" || len(button.CustomID) > 100 || button.Label == "" || len(button.Label) > 80 || seen[button.CustomID] {
				return invalidForm("components")
			}
			seen[button.CustomID] = true
		}
	}
	return nil
}

// createMessage sends a message of the bot. One whose nonce is enforced and known is answered with what was sent by it.
func createMessage(s *Server, r *request) (any, error) {
	var d draft
	if err := json.Unmarshal(r.body, &d); err != nil {
		return nil, invalidForm("content")
	}
	files, err := contents(r)
	if err != nil {
		return nil, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	c, err := s.target(r.PathValue("channel"))
	if err != nil {
		return nil, err
	}
	if err := d.check(len(files)); err != nil {
		return nil, err
	}
	known := c.ID + string(d.Nonce)
	if m := s.nonces[known]; d.EnforceNonce && len(d.Nonce) > 0 && m != nil {
		return *m, nil
	}
	m := Message{Author: &s.bot, ChannelID: c.ID, Components: d.Components, Embeds: d.Embeds, Flags: d.Flags, Nonce: d.Nonce, Poll: d.Poll}
	if d.Content != nil {
		m.Content = *d.Content
	}
	if ref := d.MessageReference; ref != nil {
		if s.find(c.ID, ref.MessageID) == nil {
			if ref.Fail == nil || *ref.Fail {
				return nil, invalidForm("message_reference")
			}
		} else {
			m.Type, m.MessageReference = 19, &Reference{MessageID: ref.MessageID, ChannelID: c.ID}
		}
	}
	for i, data := range files {
		name := r.files[i].Filename
		if i < len(d.Attachments) {
			name = d.Attachments[i].Filename
		}
		m.Attachments = append(m.Attachments, s.addFile(s.Root(), name, r.files[i].Header.Get("Content-Type"), data))
	}
	sent := s.say(m)
	if len(d.Nonce) > 0 {
		s.nonces[known] = sent
	}
	s.addSent(*sent, r.body)
	return *sent, nil
}

// contents reads the files of a form.
func contents(r *request) (list [][]byte, err error) {
	for _, header := range r.files {
		f, err := header.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		list = append(list, data)
	}
	return list, nil
}

// message is one that a call names.
func (s *Server) message(r *request) (*Message, error) {
	if s.channels[r.PathValue("channel")] == nil {
		return nil, unknownChannel()
	}
	if m := s.find(r.PathValue("channel"), r.PathValue("message")); m != nil {
		return m, nil
	}
	return nil, unknownMessage()
}

func getMessage(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	m, err := s.message(r)
	if err != nil {
		return nil, err
	}
	return *m, nil
}

func editMessage(s *Server, r *request) (any, error) {
	var d draft
	if err := json.Unmarshal(r.body, &d); err != nil {
		return nil, invalidForm("content")
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	m, err := s.message(r)
	if err != nil {
		return nil, err
	}
	if m.Author.ID != s.bot.ID {
		return nil, &apiError{Status: 403, Code: 50005, Message: "Cannot edit a message authored by another user"}
	}
	if d.Content != nil && utf8.RuneCountInString(*d.Content) > 2000 {
		return nil, invalidForm("content")
	}
	if d.Content != nil {
		m.Content = *d.Content
	}
	if d.Components != nil {
		m.Components = d.Components
	}
	m.EditedTimestamp = new(stamp(time.Now()))
	s.gateway.dispatch("MESSAGE_UPDATE", *m, intentOf(s.channels[m.ChannelID], intentMessages, intentDirect))
	return *m, nil
}

func deleteMessage(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	m, err := s.message(r)
	if err != nil {
		return nil, err
	}
	s.remove(m.ChannelID, m.ID)
	return nil, nil
}

// emoji is the one that a call names.
func (r *request) emoji() (Emoji, error) {
	name, id, own := strings.Cut(r.PathValue("e"), ":")
	if name == "" || !own && utf8.RuneCountInString(name) > 8 || !own && name[0] < 0x80 {
		return Emoji{}, &apiError{Status: 400, Code: 10014, Message: "Unknown Emoji"}
	}
	if own {
		return Emoji{ID: &id, Name: name}, nil
	}
	return Emoji{Name: name}, nil
}

func createReaction(s *Server, r *request) (any, error) {
	emoji, err := r.emoji()
	if err != nil {
		return nil, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	m, err := s.message(r)
	if err != nil {
		return nil, err
	}
	for i := range m.Reactions {
		if m.Reactions[i].Emoji.Name == emoji.Name {
			m.Reactions[i].Me = true
			return nil, nil
		}
	}
	m.Reactions = append(m.Reactions, Reaction{Count: 1, Me: true, Emoji: emoji})
	return nil, nil
}

func deleteReaction(s *Server, r *request) (any, error) {
	emoji, err := r.emoji()
	if err != nil {
		return nil, err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	m, err := s.message(r)
	if err != nil {
		return nil, err
	}
	for i := range m.Reactions {
		if m.Reactions[i].Emoji.Name == emoji.Name {
			m.Reactions = append(m.Reactions[:i:i], m.Reactions[i+1:]...)
			break
		}
	}
	return nil, nil
}
