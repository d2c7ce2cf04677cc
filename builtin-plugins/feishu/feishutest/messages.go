package feishutest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Message is one of the bot's, or one that somebody has written.
type Message struct {
	ID, Chat string
	// From is who wrote it, "" for the bot.
	From string
	// To is who it was sent to, as the program said.
	To string
	// Type is text, interactive, image, file, audio or media; Text is its text, or that of the card.
	Type, Text string
	// Summary is what notifications show of a card.
	Summary string
	// ReplyTo is the message that it answers, InThread that it does so in a thread.
	ReplyTo  string
	InThread bool
	// Choices are the values of a card's buttons by their labels.
	Choices map[string]string
	File    []byte
	Name    string
	UUID    string
	// Edits is how often it was changed; Gone, that it was taken back.
	Edits int
	Gone  bool
	At    time.Time
	// Reactions are those of the bot, by their ids.
	Reactions map[string]string

	values map[string]map[string]string // of a card's buttons
}

// Sent returns what the bot has sent so far and not taken back, as it is now.
func (s *Server) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.order {
		if m.From == "" && !m.Gone {
			out = append(out, *m)
		}
	}
	return out
}

// Get returns a message as it is now.
func (s *Server) Get(id string) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.messages[id]; m != nil {
		return *m
	}
	return Message{}
}

// outgoing is the body of a send or a reply.
type outgoing struct {
	To       string `json:"receive_id"`
	Type     string `json:"msg_type"`
	Content  string `json:"content"`
	UUID     string `json:"uuid"`
	InThread bool   `json:"reply_in_thread"`
}

// send takes a message ("Send message").
func (s *Server) send(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body outgoing
	if err := read(r, &body); err != nil {
		return nil, err
	}
	kind, chat := r.URL.Query().Get("receive_id_type"), ""
	switch known := s.chats[body.To]; {
	case kind == "chat_id" && known != nil:
		chat = body.To
	case kind == "open_id" && s.people[body.To] != "":
		chat = s.direct(body.To).ID
	case kind == "chat_id" && strings.HasPrefix(body.To, "oc_"):
		return nil, invalid(230002, "Bot/User can NOT be out of the chat.")
	default:
		return nil, invalid(230001, "Your request contains an invalid request parameter, ext=invalid receive_id.")
	}
	return s.take(&body, &Message{To: body.To, Chat: chat})
}

// reply takes an answer to a message ("Reply message").
func (s *Server) reply(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body outgoing
	if err := read(r, &body); err != nil {
		return nil, err
	}
	to := s.messages[r.PathValue("id")]
	if to == nil {
		return nil, invalid(230110, "The message has been deleted.")
	}
	if to.Gone {
		return nil, invalid(230011, "The message was withdrawn.")
	}
	c := s.chats[to.Chat]
	m := &Message{To: to.Chat, Chat: to.Chat, ReplyTo: to.ID, InThread: body.InThread}
	if c.Person != "" {
		m.To = c.Person
	}
	return s.take(&body, m)
}

// take takes a message. One with the uuid of an earlier one is that.
func (s *Server) take(body *outgoing, m *Message) (object, *apiError) {
	if utf8.RuneCountInString(body.UUID) > 50 {
		return nil, invalid(230001, "uuid is too long")
	}
	if was := s.uuids[body.UUID]; was != nil && body.UUID != "" {
		return object{"data": s.shown(was)}, nil
	}
	m.Type, m.UUID, m.At = body.Type, body.UUID, time.Now()
	if err := s.fill(m, body.Content); err != nil {
		return nil, err
	}
	s.put(m)
	if m.UUID != "" {
		s.uuids[m.UUID] = m
	}
	return object{"data": s.shown(m)}, nil
}

func (s *Server) put(m *Message) {
	m.ID = s.next("om")
	s.messages[m.ID] = m
	s.order = append(s.order, m)
}

// shown is how a message is told.
func (s *Server) shown(m *Message) object {
	return object{"message_id": m.ID, "chat_id": m.Chat, "msg_type": m.Type, "create_time": "1700000000000", "deleted": m.Gone,
		"sender": object{"id": m.From, "id_type": "open_id", "sender_type": "user"}, "body": object{"content": "{}"}}
}

// maxCard is how large a card may be, in bytes; a text may be five times that.
const maxCard = 30 << 10

// fill reads the content of a message ("Structure of sent content").
func (s *Server) fill(m *Message, content string) *apiError {
	if len(content) > maxCard && m.Type != "text" || len(content) > 5*maxCard {
		return invalid(230025, "The length of the message content reaches its limit.")
	}
	var v struct {
		Text  string `json:"text"`
		Image string `json:"image_key"`
		File  string `json:"file_key"`
	}
	if err := json.Unmarshal([]byte(content), &v); err != nil {
		return invalid(230001, "content is not a string in json format")
	}
	switch m.Type {
	case "text":
		if m.Text = v.Text; strings.TrimSpace(v.Text) == "" {
			return invalid(230001, "text is empty")
		}
	case "interactive":
		return m.card(content)
	case "image", "file", "audio", "media":
		f := s.files[v.Image+v.File]
		if f == nil || f.form != m.Type {
			return invalid(230055, "The type of file upload does not match the type of message being sent.")
		}
		m.File, m.Name = f.data, f.name
	default:
		return invalid(230001, "invalid msg_type")
	}
	return nil
}

// card reads a card ("Card JSON 2.0 structure").
func (m *Message) card(content string) *apiError {
	var v struct {
		Schema string `json:"schema"`
		Config struct {
			Multi   bool `json:"update_multi"`
			Summary struct {
				Content string `json:"content"`
			} `json:"summary"`
		} `json:"config"`
		Body struct {
			Elements []element `json:"elements"`
		} `json:"body"`
	}
	if err := json.Unmarshal([]byte(content), &v); err != nil || v.Schema != "2.0" || !v.Config.Multi || len(v.Body.Elements) == 0 {
		return invalid(230099, "Failed to create card content")
	}
	m.Text, m.Choices, m.values, m.Summary = "", map[string]string{}, map[string]map[string]string{}, v.Config.Summary.Content
	for _, e := range v.Body.Elements {
		if err := m.element(e); err != nil {
			return err
		}
	}
	return nil
}

// element is one of a card's.
type element struct {
	Tag     string    `json:"tag"`
	Content string    `json:"content"`
	Columns []element `json:"columns"`
	Inner   []element `json:"elements"`
	Text    struct {
		Tag     string `json:"tag"`
		Content string `json:"content"`
	} `json:"text"`
	Type      string `json:"type"`
	Behaviors []struct {
		Type  string            `json:"type"`
		Value map[string]string `json:"value"`
	} `json:"behaviors"`
}

func (m *Message) element(e element) *apiError {
	switch e.Tag {
	case "markdown":
		m.Text += e.Content
	case "column_set", "column":
		for _, inner := range append(e.Columns, e.Inner...) {
			if err := m.element(inner); err != nil {
				return err
			}
		}
	case "button":
		if !slices.Contains([]string{"default", "primary", "danger"}, e.Type) || len(e.Behaviors) != 1 || e.Behaviors[0].Type != "callback" || e.Text.Tag != "plain_text" {
			return invalid(230099, "Failed to create card content, a button is wrong")
		}
		m.Choices[e.Text.Content], m.values[e.Text.Content] = e.Behaviors[0].Value["choice"], e.Behaviors[0].Value
	default:
		return invalid(230099, "Failed to create card content, unknown tag "+e.Tag)
	}
	return nil
}

// own returns a message of the bot's.
func (s *Server) own(r *http.Request) (*Message, *apiError) {
	m := s.messages[r.PathValue("id")]
	switch {
	case m == nil:
		return nil, invalid(230001, "Your request contains an invalid request parameter, ext=invalid message_id")
	case m.Gone:
		return nil, invalid(230011, "The message was withdrawn.")
	case m.From != "":
		return nil, invalid(230012, "Bot is NOT the sender of the message.")
	}
	return m, nil
}

// maxEdits is how often a plain message can be changed.
const maxEdits = 20

// edit changes a plain message ("Edit message").
func (s *Server) edit(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body outgoing
	m, err := s.own(r)
	if err == nil {
		err = read(r, &body)
	}
	switch {
	case err != nil:
		return nil, err
	case m.Type != "text" || body.Type != "text":
		return nil, invalid(230054, "This operation is not supported for this message type.")
	case m.Edits == maxEdits:
		return nil, invalid(230072, "The message has reached the number of times it can be edited.")
	}
	return s.change(m, body.Content)
}

// patch changes a card ("Update message card sent by the app").
func (s *Server) patch(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body outgoing
	m, err := s.own(r)
	if err == nil {
		err = read(r, &body)
	}
	switch {
	case err != nil:
		return nil, err
	case m.Type != "interactive":
		return nil, invalid(230001, "This message is NOT a card.")
	}
	return s.change(m, body.Content)
}

func (s *Server) change(m *Message, content string) (object, *apiError) {
	changed := *m
	if err := s.fill(&changed, content); err != nil {
		return nil, err
	}
	*m = changed
	m.Edits++
	return object{"data": object{}}, nil
}

// remove takes a message back ("Recall message").
func (s *Server) remove(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	m, err := s.own(r)
	if err != nil {
		return nil, err
	}
	m.Gone = true
	return object{"data": object{}}, nil
}

// get tells of a message ("Obtain the content of the specified message").
func (s *Server) get(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	m := s.messages[r.PathValue("id")]
	if m == nil {
		return nil, invalid(230110, "The message has been deleted.")
	}
	return object{"data": object{"items": []any{s.shown(m)}}}, nil
}

// react adds a reaction of the bot's ("Add message reaction").
func (s *Server) react(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body struct {
		Type struct {
			Emoji string `json:"emoji_type"`
		} `json:"reaction_type"`
	}
	m := s.messages[r.PathValue("id")]
	if m == nil {
		return nil, invalid(231003, "The message is not found.")
	}
	if err := read(r, &body); err != nil || !slices.Contains([]string{"THUMBSUP", "HEART", "DONE"}, body.Type.Emoji) {
		return nil, invalid(231001, "The reaction type is illegal.")
	}
	id := s.next("reaction")
	if m.Reactions == nil {
		m.Reactions = map[string]string{}
	}
	m.Reactions[id] = body.Type.Emoji
	return object{"data": object{"reaction_id": id}}, nil
}

// reactions lists those to a message ("List message reactions"), the bot's and one of somebody else.
func (s *Server) reactions(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	m := s.messages[r.PathValue("id")]
	if m == nil {
		return nil, invalid(231003, "The message is not found.")
	}
	items := []any{object{"reaction_id": "theirs", "operator": object{"operator_type": "user", "operator_id": "ou_x"}}}
	for id, emoji := range m.Reactions {
		items = append(items, object{"reaction_id": id, "operator": object{"operator_type": "app", "operator_id": s.cfg.AppID}, "reaction_type": object{"emoji_type": emoji}})
	}
	return object{"data": object{"items": items}}, nil
}

// unreact takes a reaction back ("Delete message reaction").
func (s *Server) unreact(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	m := s.messages[r.PathValue("id")]
	if m == nil || m.Reactions[r.PathValue("reaction")] == "" {
		return nil, invalid(231007, "The operator is not the one who added the reaction.")
	}
	delete(m.Reactions, r.PathValue("reaction"))
	return object{"data": object{}}, nil
}
