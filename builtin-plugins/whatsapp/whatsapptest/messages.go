package whatsapptest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// message is the body of a call of the edge messages (Messages API).
type message struct {
	Product       string `json:"messaging_product"`
	RecipientType string `json:"recipient_type"`
	To            string `json:"to"`
	Recipient     string `json:"recipient"`
	Type          string `json:"type"`
	Opaque        string `json:"biz_opaque_callback_data"`
	Context       *struct {
		ID string `json:"message_id"`
	} `json:"context"`
	Text        *struct{ Body string } `json:"text"`
	Image       *media                 `json:"image"`
	Video       *media                 `json:"video"`
	Audio       *media                 `json:"audio"`
	Document    *media                 `json:"document"`
	Sticker     *media                 `json:"sticker"`
	Reaction    *reaction              `json:"reaction"`
	Interactive *interactive           `json:"interactive"`
	Template    *template              `json:"template"`
	Location    json.RawMessage        `json:"location"`
	Contacts    json.RawMessage        `json:"contacts"`
	// Of a message that is marked as read.
	Status    string `json:"status"`
	MessageID string `json:"message_id"`
	Typing    *struct {
		Type string `json:"type"`
	} `json:"typing_indicator"`

	raw json.RawMessage
}

// UnmarshalJSON keeps what was read.
func (m *message) UnmarshalJSON(b []byte) error {
	type plain message
	m.raw = append(json.RawMessage(nil), b...)
	return json.Unmarshal(b, (*plain)(m))
}

type media struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
	Voice    bool   `json:"voice"`
}

type reaction struct {
	MessageID string `json:"message_id"`
	Emoji     string `json:"emoji"`
}

type interactive struct {
	Type   string `json:"type"`
	Body   struct{ Text string }
	Action struct {
		Button  string
		Buttons []struct {
			Type  string
			Reply row
		}
		Sections []struct{ Rows []row }
	}
}

type row struct{ ID, Title string }

type template struct {
	Name       string
	Language   struct{ Code string }
	Components []struct {
		Type       string
		Parameters []struct{ Type, Text string }
	}
}

// Sent is a message of the number's that WhatsApp took. File is what it has, and Choices what can be chosen: the value behind each
// label.
type Sent struct {
	ID, To, Type, Text, ReplyTo, Key string
	File                             []byte
	Filename                         string
	Voice                            bool
	Choices                          map[string]string
	// Failed is the code with which its status is failed.
	Failed int
	At     time.Time
	Body   json.RawMessage
}

// Sent returns the messages that were taken so far, in order.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// take takes a message, or marks one as read.
func (s *Server) take(m *message) (any, *apiError) {
	if m.Product != "whatsapp" {
		return nil, invalid(100, "The parameter messaging_product is required.")
	}
	if m.Status == "read" {
		if !strings.HasPrefix(m.MessageID, "wamid.") {
			return nil, invalid(100, "Invalid parameter: message_id")
		}
		return map[string]any{"success": true}, nil
	}
	to := m.To
	if to == "" {
		to = m.Recipient
	}
	to = strings.TrimPrefix(to, "+")
	if to == "" {
		return nil, invalid(100, "The parameter to is required.")
	}
	sent := Sent{To: to, Type: m.Type, Key: m.Opaque, At: s.cfg.Now(), Body: m.raw}
	if m.Context != nil {
		if !strings.HasPrefix(m.Context.ID, "wamid.") {
			return nil, invalid(131009, "Parameter value is not valid: context")
		}
		sent.ReplyTo = m.Context.ID
	}
	if err := s.check(m, &sent); err != nil {
		return nil, err
	}
	sent.ID = "wamid." + s.next("out")
	sent.Failed = s.undeliverable(to, m)
	s.sent = append(s.sent, sent)
	s.become(sent)
	return map[string]any{
		"messaging_product": "whatsapp", "contacts": []any{map[string]any{"input": m.To, "wa_id": to}},
		"messages": []any{map[string]any{"id": sent.ID}},
	}, nil
}

// undeliverable is the code with which a message to somebody fails, 0 for one that arrives.
func (s *Server) undeliverable(to string, m *message) int {
	p := s.people[to]
	switch {
	case m.RecipientType == "group":
		return 0
	case p == nil:
		return 131026
	case m.Template == nil && s.cfg.Now().Sub(p.wrote) > 24*time.Hour:
		return 131047
	}
	return 0
}

// check reads what a message of a type has to have.
func (s *Server) check(m *message, out *Sent) *apiError {
	switch m.Type {
	case "text":
		if m.Text == nil || strings.TrimSpace(m.Text.Body) == "" {
			return invalid(100, "The parameter text['body'] is required.")
		}
		out.Text = m.Text.Body
		if utf8.RuneCountInString(out.Text) > 4096 {
			return invalid(100, "Param text['body'] must be at most 4096 characters long.")
		}
	case "image":
		return s.checkFile(m.Image, out, "image/jpeg", "image/png")
	case "video":
		return s.checkFile(m.Video, out, "video/")
	case "audio":
		return s.checkFile(m.Audio, out, "audio/")
	case "document":
		return s.checkFile(m.Document, out, "")
	case "sticker":
		return s.checkFile(m.Sticker, out, "image/webp")
	case "reaction":
		if m.Reaction == nil || !strings.HasPrefix(m.Reaction.MessageID, "wamid.") {
			return invalid(100, "Invalid parameter: reaction")
		}
		out.Text, out.ReplyTo = m.Reaction.Emoji, m.Reaction.MessageID
	case "interactive":
		return checkChoice(m.Interactive, out)
	case "template":
		return s.checkTemplate(m.Template, out)
	case "location", "contacts":
		if m.Location == nil && m.Contacts == nil {
			return invalid(100, "Invalid parameter: "+m.Type)
		}
	default:
		return invalid(131051, "Unsupported message type: "+m.Type)
	}
	return nil
}

// checkFile reads a message with a file that was uploaded, of one of these types, or is on the web.
func (s *Server) checkFile(m *media, out *Sent, kinds ...string) *apiError {
	if m == nil || (m.ID == "") == (m.Link == "") {
		return invalid(100, "Invalid parameter: one of id and link is required")
	}
	if utf8.RuneCountInString(m.Caption) > 1024 {
		return invalid(100, "Param caption must be at most 1024 characters long.")
	}
	out.Text, out.Filename, out.Voice = m.Caption, m.Filename, m.Voice
	if m.Link != "" {
		return nil
	}
	f := s.files[m.ID]
	if f == nil {
		return invalid(100, "Invalid parameter: media id "+m.ID)
	}
	for _, kind := range kinds {
		if strings.HasPrefix(f.mime, kind) {
			out.File = f.data
			return nil
		}
	}
	return invalid(131053, "Media upload error: unsupported type "+f.mime)
}

// checkChoice reads buttons or a list (Interactive reply buttons, Interactive lists).
func checkChoice(m *interactive, out *Sent) *apiError {
	if m == nil || strings.TrimSpace(m.Body.Text) == "" || utf8.RuneCountInString(m.Body.Text) > 1024 {
		return invalid(131009, "Parameter value is not valid: body")
	}
	rows, most, longest := []row{}, 10, 24
	for _, section := range m.Action.Sections {
		rows = append(rows, section.Rows...)
	}
	if m.Type == "button" {
		rows, most, longest = nil, 3, 20
		for _, b := range m.Action.Buttons {
			rows = append(rows, b.Reply)
		}
	}
	out.Text, out.Choices = m.Body.Text, map[string]string{}
	ids := map[string]bool{}
	for _, r := range rows {
		if r.ID == "" || r.Title == "" || utf8.RuneCountInString(r.Title) > longest || ids[r.ID] || out.Choices[r.Title] != "" {
			return invalid(131009, "Parameter value is not valid: each choice has an id and a title of its own, of at most "+strconv.Itoa(longest)+" characters")
		}
		ids[r.ID], out.Choices[r.Title] = true, r.ID
	}
	if len(rows) == 0 || len(rows) > most || m.Type == "list" && (m.Action.Button == "" || utf8.RuneCountInString(m.Action.Button) > 20) {
		return invalid(131009, "Parameter value is not valid: action")
	}
	return nil
}

// checkTemplate reads a message of a template with one variable.
func (s *Server) checkTemplate(m *template, out *Sent) *apiError {
	if m == nil || !s.names[m.Name+"/"+m.Language.Code] {
		return &apiError{404, 132001, "template name does not exist in the translation"}
	}
	if len(m.Components) != 1 || len(m.Components[0].Parameters) != 1 {
		return invalid(132000, "body: number of localizable_params does not match the expected number of params (1)")
	}
	out.Text = m.Components[0].Parameters[0].Text
	if strings.ContainsAny(out.Text, "\n\t") || strings.Contains(out.Text, "     ") {
		return invalid(100, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
	}
	if utf8.RuneCountInString(out.Text) > 1024 {
		return invalid(132005, "Translated text too long")
	}
	return nil
}

// Template has Meta approve a template in a language, whose body has one variable.
func (s *Server) Template(name, language string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name+"/"+language] = true
}
