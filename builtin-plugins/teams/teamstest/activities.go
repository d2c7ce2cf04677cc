package teamstest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// activity is what a bot sends, or what it creates a conversation by.
type activity struct {
	Type        string       `json:"type"`
	Text        string       `json:"text"`
	TextFormat  string       `json:"textFormat"`
	ReplyToID   string       `json:"replyToId"`
	Attachments []attachment `json:"attachments"`

	IsGroup     bool      `json:"isGroup"`
	Members     []Person  `json:"members"`
	TenantID    string    `json:"tenantId"`
	Activity    *activity `json:"activity"`
	ChannelData struct {
		Channel struct{ ID string }
		Tenant  struct{ ID string }
	} `json:"channelData"`

	raw json.RawMessage
}

type attachment struct {
	ContentType string `json:"contentType"`
	ContentURL  string `json:"contentUrl"`
	Name        string `json:"name"`
	Content     struct {
		Type, Version string
		Body          []element
		Actions       []button
		Description   string
		SizeInBytes   int64
		AcceptContext map[string]any
		UniqueID      string `json:"uniqueId"`
	} `json:"content"`
}

// element is a text of a card, or what can be chosen in it.
type element struct {
	Type, ID, Text, Style string
	IsMultiSelect         bool
	Choices               []struct{ Title, Value string }
	Facts                 []struct{ Title, Value string }
}

type button struct {
	Type, Title, Verb, Style string
	Data                     map[string]any
	Fallback                 *button
}

// words are what a fault may wait for.
func (a *activity) words() []string {
	if a.Activity != nil {
		a = a.Activity
	}
	list := []string{a.Type, a.TextFormat}
	for _, file := range a.Attachments {
		list = append(list, file.ContentType)
	}
	return list
}

// Sent is a message of the bot's. Text is as people read it. File is a picture in it, or one that was put into somebody's OneDrive,
// and Choices what can be chosen: the value behind each label.
type Sent struct {
	ID, Chat, Thread, Text, Source, ReplyTo string
	File                                    []byte
	FileName                                string
	// Offered says that the message offers a file, and with what context that is accepted.
	Offered map[string]any
	Choices map[string]string
	Poll    *Poll
	Edits   int
	Deleted bool
	At      time.Time
	Body    json.RawMessage
}

// Poll is a card in which people choose: the values behind the titles, and what the card sends back beside those that are chosen.
type Poll struct {
	Question string
	Values   map[string]string
	// Facts are what the card says beside, in order, such as how many have chosen what.
	Facts    []string
	Multiple bool
	id       string
	data     map[string]any
}

// Conversation is the id of the conversation, with the thread.
func (m Sent) Conversation() string {
	if m.Thread != "" {
		return m.Chat + ";messageid=" + m.Thread
	}
	return m.Chat
}

// Sent returns the messages that were taken so far, in order, as they are now.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// Typed are the conversations in which the bot has shown that it types.
func (s *Server) Typed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.typed...)
}

// maxSize bounds a message, in bytes of UTF-16, without its pictures: less than the 100 KB that Teams says it takes ("Format your bot
// messages"), as it once took.
const maxSize = 28 << 10

var picture = regexp.MustCompile(`data:image/[a-z]+;base64,[A-Za-z0-9+/=]*`)

// take takes an activity into a chat. about is the one that it answers.
func (s *Server) take(c *Chat, thread, about string, a *activity) (id string, e *apiError) {
	if a.Type == "typing" {
		s.typed = append(s.typed, c.ID)
		return s.next(), nil
	}
	m := Sent{Chat: c.ID, Thread: thread, ReplyTo: about, At: time.Now()}
	if e := s.check(a, &m); e != nil {
		return "", e
	}
	if about != "" && !s.exists(c.ID, about) {
		return "", &apiError{http.StatusNotFound, "ActivityNotFoundInConversation", "Activity not found."}
	}
	m.ID = s.next()
	if c.Type == "channel" && m.Thread == "" {
		m.Thread = m.ID
	}
	s.sent = append(s.sent, m)
	return m.ID, nil
}

// exists reports whether a message is in a chat.
func (s *Server) exists(chat, id string) bool {
	return slices.ContainsFunc(s.sent, func(m Sent) bool { return m.Chat == chat && m.ID == id && !m.Deleted }) || slices.Contains(s.said, chat+"/"+id)
}

// check reads what a message has to have.
func (s *Server) check(a *activity, m *Sent) *apiError {
	if a.Type != "message" {
		return &apiError{http.StatusBadRequest, "BadArgument", "Unknown activity type"}
	}
	if strings.TrimSpace(a.Text) == "" && len(a.Attachments) == 0 {
		return bad("Activity must include non empty 'text' field or at least one attachment")
	}
	if rest := picture.ReplaceAll(a.raw, nil); 2*len(utf16.Encode([]rune(string(rest)))) > maxSize {
		return &apiError{http.StatusRequestEntityTooLarge, "MessageSizeTooBig", "Message size too large."}
	}
	m.Text, m.Source, m.Body = a.Text, a.Text, a.raw
	if a.TextFormat == "xml" {
		shown, ok := read(a.Text)
		if !ok {
			return bad("Invalid XML in text")
		}
		m.Text = shown
	}
	for _, file := range a.Attachments {
		if e := s.attach(file, m); e != nil {
			return e
		}
	}
	return nil
}

// poll reads what can be chosen in a card, if it is anything.
func (a *attachment) poll(m *Sent) *apiError {
	p := &Poll{Values: map[string]string{}}
	for _, e := range a.Content.Body {
		switch {
		case e.Type == "TextBlock":
			p.Question = e.Text
		case e.Type == "FactSet" && len(e.Facts) > 0:
			for _, f := range e.Facts {
				p.Facts = append(p.Facts, f.Title+": "+f.Value)
			}
		case e.Type != "Input.ChoiceSet" || e.ID == "" || len(e.Choices) == 0 || p.id != "":
			return bad("Invalid element")
		default:
			p.id, p.Multiple, p.data = e.ID, e.IsMultiSelect, a.Content.Actions[0].Data
			for _, c := range e.Choices {
				if c.Title == "" || c.Value == "" || strings.Contains(c.Value, ",") {
					return bad("Invalid choice")
				}
				p.Values[c.Title] = c.Value
			}
		}
	}
	if p.id != "" {
		m.Poll = p
	}
	return nil
}

// attach reads an attachment.
func (s *Server) attach(a attachment, m *Sent) *apiError {
	switch a.ContentType {
	case "image/png", "image/jpeg", "image/gif":
		_, data, _ := strings.Cut(a.ContentURL, ";base64,")
		b, err := base64.StdEncoding.DecodeString(data)
		if err != nil || len(b) == 0 || len(b) > 1<<20 {
			return &apiError{http.StatusRequestEntityTooLarge, "MessageSizeTooBig", "Picture too large."}
		}
		m.File, m.FileName = b, a.Name
	case "application/vnd.microsoft.card.adaptive": // bots may send 1.5 at most, and older versions have no Action.Execute
		if a.Content.Type != "AdaptiveCard" || a.Content.Version != "1.5" || len(a.Content.Actions) == 0 || len(a.Content.Actions) > 6 {
			return bad("Invalid Adaptive Card")
		}
		m.Choices = map[string]string{}
		for _, b := range a.Content.Actions {
			if b.Type != "Action.Execute" || b.Title == "" || len(b.Data) == 0 || b.Fallback == nil || b.Fallback.Type != "Action.Submit" {
				return bad("Invalid action")
			}
			if value, ok := b.Data["carapace"].(string); ok {
				m.Choices[b.Title] = value
			}
		}
		return a.poll(m)
	case "application/vnd.microsoft.teams.card.file.consent":
		if c := s.chats[m.Chat]; c == nil || c.Type != "personal" || a.Content.SizeInBytes <= 0 || a.Name == "" {
			return &apiError{http.StatusBadRequest, "BadArgument", "File consent is for personal chats"}
		}
		m.Offered, m.FileName = a.Content.AcceptContext, a.Name
	case "application/vnd.microsoft.teams.card.file.info":
		f := s.files[a.Content.UniqueID]
		if f == nil || f.data == nil {
			return bad("No such file")
		}
		m.File, m.FileName = f.data, a.Name
	default:
		return bad("Unknown attachment type " + a.ContentType)
	}
	return nil
}

// create begins a conversation with a person, or a thread of a channel (Proactive messages).
func (s *Server) create(a *activity) (int, any, *apiError) {
	if channel := a.ChannelData.Channel.ID; channel != "" {
		c := s.chats[channel]
		if c == nil || c.Type != "channel" || a.Activity == nil || !a.IsGroup {
			return 0, nil, &apiError{http.StatusNotFound, "ConversationNotFound", "Conversation not found."}
		}
		id, e := s.take(c, "", "", a.Activity)
		return http.StatusCreated, map[string]any{"id": channel + ";messageid=" + id, "activityId": id}, e
	}
	if len(a.Members) != 1 || a.ChannelData.Tenant.ID != s.cfg.TenantID {
		return 0, nil, bad("Bad members or tenant")
	}
	if s.met[a.Members[0].ID] == "" {
		return 0, nil, &apiError{http.StatusForbidden, "BotNotInConversationRoster", "The bot is not part of the conversation roster."}
	}
	return http.StatusCreated, map[string]any{"id": s.met[a.Members[0].ID]}, nil
}

// find finds a message of the bot's.
func (s *Server) find(where, id string) (*Sent, *apiError) {
	base, _, _ := strings.Cut(where, ";messageid=")
	for i := range s.sent {
		if m := &s.sent[i]; m.Chat == base && m.ID == id && !m.Deleted {
			return m, nil
		}
	}
	return nil, &apiError{http.StatusNotFound, "ActivityNotFoundInConversation", "Activity not found."}
}

func (s *Server) edit(where, id string, a *activity) (int, any, *apiError) {
	m, e := s.find(where, id)
	if e != nil {
		return 0, nil, e
	}
	now := Sent{ID: m.ID, Chat: m.Chat, Thread: m.Thread, ReplyTo: m.ReplyTo, Edits: m.Edits + 1, At: m.At}
	if e := s.check(a, &now); e != nil {
		return 0, nil, e
	}
	*m = now
	return http.StatusOK, map[string]any{"id": id}, nil
}

func (s *Server) remove(where, id string) (int, any, *apiError) {
	m, e := s.find(where, id)
	if e != nil {
		return 0, nil, e
	}
	m.Deleted = true
	return http.StatusOK, nil, nil
}

var tag = regexp.MustCompile(`<(/?)([a-z0-9]+)([^<>]*)>`)

// allowed are the tags that Teams shows (Format your bot messages, "XML formatting").
var allowed = []string{"strong", "em", "strike", "code", "pre", "blockquote", "a", "br"}

// read is XML as people read it; ok is false where tags are not closed in order, or are none that Teams shows.
func read(text string) (shown string, ok bool) {
	var open []string
	out, at := bytes.Buffer{}, 0
	for _, m := range tag.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[at:m[0]])
		at = m[1]
		name, closes := text[m[4]:m[5]], m[2] != m[3]
		switch {
		case !slices.Contains(allowed, name):
			return "", false
		case name == "br":
			out.WriteByte('\n')
		case !closes:
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return "", false
		default:
			open = open[:len(open)-1]
		}
	}
	out.WriteString(text[at:])
	if strings.ContainsAny(out.String(), "<>") || len(open) > 0 {
		return "", false
	}
	return html.UnescapeString(out.String()), true
}
