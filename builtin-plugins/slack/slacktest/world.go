package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// User is somebody in the workspace (User objects).
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	IsBot    bool   `json:"is_bot"`
	Deleted  bool   `json:"deleted"`
	Profile  struct {
		DisplayName string `json:"display_name"`
		RealName    string `json:"real_name"`
	} `json:"profile"`
}

// Channel is a conversation (Conversation objects). Kind is channel, group (a private channel), mpim or im.
type Channel struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Kind     string `json:"-"`
	User     string `json:"user,omitempty"` // with whom, of an im
	Archived bool   `json:"is_archived"`
	Outside  bool   `json:"-"` // the bot is not a member
}

// MarshalJSON adds what the kind means.
func (c Channel) MarshalJSON() ([]byte, error) {
	type plain Channel
	return json.Marshal(struct {
		plain
		IsChannel bool `json:"is_channel"`
		IsGroup   bool `json:"is_group"`
		IsMPIM    bool `json:"is_mpim"`
		IsIM      bool `json:"is_im"`
		IsMember  bool `json:"is_member"`
	}{plain(c), c.Kind == "channel", c.Kind == "group", c.Kind == "mpim", c.Kind == "im", !c.Outside})
}

// Message is a message of a channel, with the fields that matter here.
type Message struct {
	Type         string          `json:"type"`
	Subtype      string          `json:"subtype,omitempty"`
	User         string          `json:"user,omitempty"`
	BotID        string          `json:"bot_id,omitempty"`
	Text         string          `json:"text"`
	TS           string          `json:"ts"`
	ThreadTS     string          `json:"thread_ts,omitempty"`
	ParentUserID string          `json:"parent_user_id,omitempty"`
	Blocks       json.RawMessage `json:"blocks,omitempty"`
	Attachments  json.RawMessage `json:"attachments,omitempty"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
	Files        []File          `json:"files,omitempty"`
	Reactions    []Reaction      `json:"reactions,omitempty"`
	Edited       *Edited         `json:"edited,omitempty"`
	// Channel is where it is, Plain that its text is shown as it is.
	Channel string `json:"-"`
	Plain   bool   `json:"-"`
}

// Edited says who has changed a message, and when.
type Edited struct {
	User string `json:"user"`
	TS   string `json:"ts"`
}

// Reaction is an emoji and who has set it.
type Reaction struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
	Count int      `json:"count"`
}

// File is a file of a message (File objects).
type File struct {
	ID                 string `json:"id"`
	Name               string `json:"name"`
	Title              string `json:"title,omitempty"`
	Mimetype           string `json:"mimetype,omitempty"`
	Size               int    `json:"size"`
	URLPrivateDownload string `json:"url_private_download,omitempty"`
	OriginalW          int    `json:"original_w,omitempty"`
	OriginalH          int    `json:"original_h,omitempty"`
	DurationMS         int    `json:"duration_ms,omitempty"`
	Subtype            string `json:"subtype,omitempty"`
	Mode               string `json:"mode,omitempty"`
	// Data is its content. A file of a message that somebody posts is kept, and its address filled in.
	Data []byte `json:"-"`

	channels []string
	expected int
}

// world is the people, the channels and what is in them. Server has the lock.
type world struct {
	users    map[string]User
	channels map[string]Channel
	messages map[string][]*Message
	files    map[string]*File
	lastTS   int64
	next     int
	posted   map[string]time.Time // the bot's last message, by channel
	sent     []*Message           // what the bot has posted, in order
}

func newWorld(bot User) world {
	return world{
		users: map[string]User{bot.ID: bot}, channels: map[string]Channel{}, messages: map[string][]*Message{}, files: map[string]*File{},
		posted: map[string]time.Time{},
	}
}

// ts returns a time that no message has yet.
func (w *world) ts() string {
	w.lastTS = max(time.Now().UnixMicro(), w.lastTS+1)
	return fmt.Sprintf("%d.%06d", w.lastTS/1_000_000, w.lastTS%1_000_000)
}

// id returns an id that nothing has yet.
func (w *world) id(prefix string) string {
	w.next++
	return fmt.Sprintf("%s%08d", prefix, w.next)
}

// find returns a message of a channel, nil when there is none.
func (w *world) find(channel, ts string) *Message {
	for _, m := range w.messages[channel] {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// remove deletes a message.
func (w *world) remove(channel, ts string) {
	w.messages[channel] = slices.DeleteFunc(w.messages[channel], func(m *Message) bool { return m.TS == ts })
}

// im returns the direct conversation with somebody.
func (w *world) im(user string) Channel {
	id := "D" + user[min(1, len(user)):]
	c, ok := w.channels[id]
	if !ok {
		c = Channel{ID: id, Kind: "im", User: user}
		w.channels[id] = c
	}
	return c
}

// AddUser makes somebody known to the workspace.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.users[u.ID] = u
}

// AddChannel makes a channel, or replaces one.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Kind == "" {
		c.Kind = "channel"
	}
	s.world.channels[c.ID] = c
}

// Messages returns what a channel shows, in order; of a direct conversation, by whom it is with.
func (s *Server) Messages(channel string) (out []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(channel) > 0 && channel[0] == 'U' {
		channel = s.world.im(channel).ID
	}
	for _, m := range s.world.messages[channel] {
		out = append(out, *m)
	}
	return out
}

// Posts returns the bot's messages in a channel.
func (s *Server) Posts(channel string) []Message {
	return slices.DeleteFunc(s.Messages(channel), func(m Message) bool { return m.User != s.cfg.Bot.ID })
}

// Button is one at a message.
type Button struct {
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
	Style    string `json:"style"`
	Text     struct {
		Text string `json:"text"`
	} `json:"text"`
}

// Buttons are those of a message, row by row.
func (m Message) Buttons() (rows [][]Button) {
	var blocks []struct {
		Type     string
		Elements []Button
	}
	_ = json.Unmarshal(m.Blocks, &blocks)
	for _, b := range blocks {
		if b.Type == "actions" {
			rows = append(rows, b.Elements)
		}
	}
	return rows
}

// Button finds one by its label.
func (m Message) Button(label string) (Button, bool) {
	for _, row := range m.Buttons() {
		for _, b := range row {
			if b.Text.Text == label {
				return b, true
			}
		}
	}
	return Button{}, false
}
