package googlechattest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// message is the body of a call (Message).
type message struct {
	Text   string `json:"text"`
	Thread struct {
		Name      string `json:"name"`
		ThreadKey string `json:"threadKey"`
	} `json:"thread"`
	Cards []struct {
		CardID string `json:"cardId"`
		Card   struct {
			Sections []struct {
				Widgets []struct {
					ButtonList struct{ Buttons []button } `json:"buttonList"`
				}
			}
		}
	} `json:"cardsV2"`
	Quoted *struct {
		Name           string `json:"name"`
		LastUpdateTime string `json:"lastUpdateTime"`
	} `json:"quotedMessageMetadata"`

	raw json.RawMessage
}

type button struct {
	Text    string
	OnClick struct {
		Action struct {
			Function   string
			Parameters []struct{ Key, Value string }
		}
	} `json:"onClick"`
}

// Sent is a message of the app's. Quotes is the message that it quotes. Choices is what can be chosen: the value behind each label.
type Sent struct {
	Name, Space, Thread, Text, Quotes string
	Choices                           map[string]string
	Edits                             int
	Deleted                           bool
	At                                time.Time
	Body                              json.RawMessage
}

// Sent returns the messages that were made so far, in order, as they are now.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// create makes a message (spaces.messages.create).
func (s *Server) create(space *Space, request, option string, m *message) (any, *apiError) {
	if space == nil {
		return nil, missing("Space")
	}
	if made := s.made[request]; request != "" && made != "" {
		return shown(s.find(made)), nil
	}
	out := Sent{Name: space.Name + "/messages/" + s.next("m"), Space: space.Name, Thread: m.Thread.Name, At: time.Now(), Body: m.raw}
	if e := out.take(m); e != nil {
		return nil, e
	}
	switch {
	case out.Thread == "":
		out.Thread = space.Name + "/threads/" + s.next("t")
	case !strings.HasPrefix(out.Thread, space.Name+"/threads/"):
		return nil, invalid("The thread is not of this space.")
	case option == "": // by default the thread is not looked at (messageReplyOption)
		out.Thread = space.Name + "/threads/" + s.next("t")
	}
	if e := s.quote(&out, m); e != nil {
		return nil, e
	}
	s.sent = append(s.sent, out)
	if request != "" {
		s.made[request] = out.Name
	}
	return shown(&out), nil
}

// get tells of a message that the app may read (spaces.messages.get).
func (s *Server) get(name string) (map[string]any, *apiError) {
	if m := s.said[name]; m != nil {
		return m, nil
	}
	if m := s.find(name); m != nil {
		return shown(m), nil
	}
	return nil, missing("Message")
}

// quote looks at what a message quotes: one of the same thread, as it was when it was changed last (QuotedMessageMetadata).
func (s *Server) quote(out *Sent, m *message) *apiError {
	if m.Quoted == nil {
		return nil
	}
	quoted, e := s.get(m.Quoted.Name)
	switch {
	case e != nil || quoted["createTime"] != m.Quoted.LastUpdateTime:
		return invalid("Quoted message is not the latest version.")
	case m.Thread.Name != "" && quoted["thread"].(map[string]any)["name"] != m.Thread.Name:
		return invalid("Quoted message is of another thread.")
	}
	out.Quotes = m.Quoted.Name
	return nil
}

// take reads what a message has.
func (out *Sent) take(m *message) *apiError {
	if strings.TrimSpace(m.Text) == "" && len(m.Cards) == 0 {
		return invalid("Message cannot be empty.")
	}
	if utf8.RuneCountInString(m.Text) > 4096 || len(m.raw) > 32_000 {
		return invalid("Message is too long.")
	}
	out.Text = m.Text
	return out.cards(m)
}

func (out *Sent) cards(m *message) *apiError {
	out.Choices = map[string]string{}
	for _, c := range m.Cards {
		for _, section := range c.Card.Sections {
			for _, w := range section.Widgets {
				for _, b := range w.ButtonList.Buttons {
					if b.Text == "" || b.OnClick.Action.Function == "" || len(b.OnClick.Action.Parameters) != 1 {
						return invalid("Invalid button.")
					}
					out.Choices[b.Text] = b.OnClick.Action.Parameters[0].Value
				}
			}
		}
	}
	return nil
}

// find returns a message by its name, nil where it is not there.
func (s *Server) find(name string) *Sent {
	i := slices.IndexFunc(s.sent, func(m Sent) bool { return m.Name == name && !m.Deleted })
	if i < 0 {
		return nil
	}
	return &s.sent[i]
}

// patch changes what the mask names of a message (spaces.messages.patch).
func (s *Server) patch(name, mask string, m *message) (any, *apiError) {
	out := s.find(name)
	if out == nil {
		return nil, missing("Message")
	}
	now := *out
	now.Edits++
	for field := range strings.SplitSeq(mask, ",") {
		switch field {
		case "text":
			if strings.TrimSpace(m.Text) == "" || utf8.RuneCountInString(m.Text) > 4096 {
				return nil, invalid("Invalid text.")
			}
			now.Text = m.Text
		case "cardsV2":
			if e := now.cards(m); e != nil {
				return nil, e
			}
		default:
			return nil, invalid("Invalid update mask.")
		}
	}
	*out = now
	return shown(out), nil
}

func (s *Server) remove(name string) (any, *apiError) {
	out := s.find(name)
	if out == nil {
		return nil, missing("Message")
	}
	out.Deleted = true
	return map[string]any{}, nil
}

// shown is a message as answers have it.
func shown(m *Sent) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return map[string]any{
		"name": m.Name, "text": m.Text, "createTime": m.At.UTC().Format(time.RFC3339Nano), "thread": map[string]any{"name": m.Thread}, "space": map[string]any{"name": m.Space},
		"sender": map[string]any{"name": "users/app", "type": "BOT"},
	}
}
