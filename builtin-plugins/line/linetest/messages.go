package linetest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// Sent is a message of the account's.
type Sent struct {
	ID, To string
	// Type is text, flex, image, audio or location; Text is its text, or that of the flex message.
	Type, Text string
	// Quoted is the message that it answers.
	Quoted string
	// Choices are the data of its buttons by their labels.
	Choices map[string]string
	// Says are the texts that its quick replies say.
	Says []string
	// URL and Preview are where its file is.
	URL, Preview string
	// Reply says that it came by a reply token.
	Reply bool
	// Request tells which messages came together.
	Request int
	At      time.Time
}

// Sent returns what was sent so far.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// message is one as requests have it.
type message struct {
	Type      string  `json:"type"`
	Text      string  `json:"text"`
	Quote     string  `json:"quoteToken"`
	Alt       string  `json:"altText"`
	Contents  *box    `json:"contents"`
	Quick     *quick  `json:"quickReply"`
	Original  string  `json:"originalContentUrl"`
	Preview   string  `json:"previewImageUrl"`
	Duration  int     `json:"duration"`
	Title     string  `json:"title"`
	Address   string  `json:"address"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// box is a part of a flex message.
type box struct {
	Type     string  `json:"type"`
	Body     *box    `json:"body"`
	Footer   *box    `json:"footer"`
	Contents []box   `json:"contents"`
	Text     string  `json:"text"`
	Style    string  `json:"style"`
	Action   *action `json:"action"`
}

type action struct {
	Type  string `json:"type"`
	Label string `json:"label"`
	Data  string `json:"data"`
	Text  string `json:"text"`
}

type quick struct {
	Items []struct {
		Type   string `json:"type"`
		Action action `json:"action"`
	} `json:"items"`
}

// length is that of a text in UTF-16 units.
func length(text string) int { return len(utf16.Encode([]rune(text))) }

func (a *action) valid() bool {
	if a.Type == "message" {
		return a.Label != "" && length(a.Label) <= 20 && a.Text != "" && length(a.Text) <= 300
	}
	return a.Type == "postback" && a.Label != "" && length(a.Label) <= 20 && a.Data != "" && length(a.Data) <= 300
}

// shown checks a message and returns it as it is shown ("Message objects").
func (s *Server) shown(m *message) (out Sent, err *apiError) {
	bad := func(what string) (Sent, *apiError) {
		return Sent{}, invalid("The request body has 1 error(s): " + what)
	}
	out = Sent{Type: m.Type, Text: m.Text, URL: m.Original, Preview: m.Preview, Choices: map[string]string{}, At: time.Now()}
	if m.Quote != "" {
		if out.Quoted = s.quotes[m.Quote]; out.Quoted == "" {
			return bad("quoteToken is invalid")
		}
	}
	if m.Quick != nil {
		if len(m.Quick.Items) == 0 || len(m.Quick.Items) > 13 {
			return bad("quickReply has too many items")
		}
		for _, item := range m.Quick.Items {
			if item.Type != "action" || !item.Action.valid() {
				return bad("an action is invalid")
			}
			if item.Action.Type == "message" {
				out.Says = append(out.Says, item.Action.Text)
				continue
			}
			out.Choices[item.Action.Label] = item.Action.Data
		}
	}
	switch {
	case m.Type == "text" && strings.TrimSpace(m.Text) != "" && length(m.Text) <= 5000:
	case m.Type == "flex" && m.Alt != "" && length(m.Alt) <= 400 && m.Contents != nil && m.Contents.Type == "bubble" && out.flex(m.Contents.Body) && out.flex(m.Contents.Footer):
	case m.Type == "image" && strings.HasPrefix(m.Original, "https://") && strings.HasPrefix(m.Preview, "https://"):
	case m.Type == "audio" && strings.HasPrefix(m.Original, "https://") && m.Duration > 0:
	case m.Type == "location" && m.Title != "" && m.Address != "" && m.Latitude != 0:
		out.Text = m.Title
	default:
		return bad("a message of the type " + m.Type + " is invalid")
	}
	return out, nil
}

// flex reads a part of a flex message.
func (m *Sent) flex(b *box) bool {
	if b == nil {
		return true
	}
	switch b.Type {
	case "text":
		m.Text += b.Text
		return b.Text != ""
	case "button":
		if b.Action == nil || !b.Action.valid() || !slices.Contains([]string{"primary", "secondary", "link"}, b.Style) {
			return false
		}
		m.Choices[b.Action.Label] = b.Action.Data
		return true
	case "box":
		for i := range b.Contents {
			if !m.flex(&b.Contents[i]) {
				return false
			}
		}
		return len(b.Contents) > 0
	}
	return false
}

// outgoing is the body of a push or a reply.
type outgoing struct {
	To       string    `json:"to"`
	Token    string    `json:"replyToken"`
	Messages []message `json:"messages"`
}

// checked reads a request, and returns what it would show.
func (s *Server) checked(r *http.Request) (body outgoing, list []Sent, err *apiError) {
	if err := read(r, &body); err != nil {
		return body, nil, err
	}
	if n := len(body.Messages); n == 0 || n > 5 {
		return body, nil, invalid("The property messages must have 1 to 5 items")
	}
	for i := range body.Messages {
		m, err := s.shown(&body.Messages[i])
		if err != nil {
			return body, nil, err
		}
		list = append(list, m)
	}
	return body, list, nil
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// push takes messages at any time ("Send push message").
func (s *Server) push(w http.ResponseWriter, r *http.Request) (object, *apiError) {
	key := r.Header.Get("X-Line-Retry-Key")
	if ids := s.keys[key]; key != "" && ids != nil {
		w.Header().Set("X-Line-Accepted-Request-Id", "1")
		return told(ids), &apiError{http.StatusConflict, "The retry key is already accepted"}
	}
	body, list, err := s.checked(r)
	switch {
	case err != nil:
		return nil, err
	case key != "" && !uuid.MatchString(key):
		return nil, invalid("The value for the 'X-Line-Retry-Key' header is invalid")
	case s.people[body.To] == "" && s.groups[body.To] == "":
		return nil, invalid("The property, 'to', in the request body is invalid")
	case s.cfg.Quota > 0 && s.pushed+len(list) > s.cfg.Quota:
		return nil, &apiError{http.StatusTooManyRequests, "You have reached your monthly limit."}
	}
	s.pushed += len(list)
	ids := s.take(list, body.To, false)
	if key != "" {
		s.keys[key] = ids
	}
	return told(ids), nil
}

// reply takes messages by a token ("Send reply message").
func (s *Server) reply(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	if r.Header.Get("X-Line-Retry-Key") != "" {
		return nil, invalid("The retry key is not supported here")
	}
	body, list, err := s.checked(r)
	if err != nil {
		return nil, err
	}
	token := s.tokens[body.Token]
	if token == nil || token.used {
		return nil, invalid("Invalid reply token")
	}
	token.used = true
	return told(s.take(list, token.to, true)), nil
}

// validate says whether messages could be sent ("Validate message objects of a reply message").
func (s *Server) validate(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	_, _, err := s.checked(r)
	return object{}, err
}

// take keeps messages and returns their ids.
func (s *Server) take(list []Sent, to string, reply bool) (ids []string) {
	request := s.count + 1
	for _, m := range list {
		m.ID, m.To, m.Reply, m.Request = s.next("5"), to, reply, request
		s.sent = append(s.sent, m)
		ids = append(ids, m.ID)
	}
	return ids
}

func told(ids []string) object {
	var list []any
	for _, id := range ids {
		list = append(list, object{"id": id, "quoteToken": "q" + id})
	}
	return object{"sentMessages": list}
}
