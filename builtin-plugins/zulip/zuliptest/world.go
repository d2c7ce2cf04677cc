package zuliptest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// World is what the server knows: people, channels, messages and queues.
type World struct {
	happened *change.Signal

	mu       sync.Mutex
	users    map[int64]*User
	channels map[int64]*Channel
	messages []*Message // by their ids
	queues   map[string]*queue
	files    map[string]File
	tokens   map[string]string // paths of files by their temporary addresses
	made     int               // queues and files so far
}

func newWorld(happened *change.Signal) *World {
	return &World{
		happened: happened, users: map[int64]*User{}, channels: map[int64]*Channel{}, queues: map[string]*queue{},
		files: map[string]File{}, tokens: map[string]string{},
	}
}

// User is somebody with an account, who speaks and hears by the methods of a test.
type User struct {
	ID               int64
	Name, Email, Key string
	Bot              bool
	world            *World
}

// Channel is a channel, which was called a stream.
type Channel struct {
	ID      int64
	Name    string
	members map[int64]bool
}

// Message is a message as the server has it.
type Message struct {
	ID        int64
	Sender    int64
	Channel   int64  // 0 for a direct one
	Topic     string // of a channel
	People    []int64
	Content   string
	Time      time.Time
	Edited    int64
	Reactions []Reaction
	Deleted   bool
}

// Reaction is an emoji at a message.
type Reaction struct {
	User                   int64
	Name, Code, ReactionOf string
}

// File is one that was uploaded.
type File struct {
	Name, Type string
	Data       []byte
}

// Register makes an account. A bot's email ends with -bot, as the server wants it.
func (w *World) Register(name string, bot bool) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &User{ID: int64(len(w.users) + 7), Name: name, Bot: bot, world: w}
	local := strings.ToLower(strings.ReplaceAll(name, " ", "."))
	if bot {
		local += "-bot"
	}
	u.Email, u.Key = local+"@zulip.test", fmt.Sprintf("key-%d-0123456789abcdef", u.ID)
	w.users[u.ID] = u
	return u
}

// NewChannel makes a channel with these people in it.
func (w *World) NewChannel(name string, members ...*User) *Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &Channel{ID: int64(len(w.channels) + 41), Name: name, members: map[int64]bool{}}
	for _, u := range members {
		c.members[u.ID] = true
	}
	w.channels[c.ID] = c
	return c
}

// SetKey gives somebody another API key.
func (w *World) SetKey(u *User, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u.Key = key
}

func (w *World) byLogin(email, key string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.users {
		if u.Email == email && u.Key == key {
			return u
		}
	}
	return nil
}

// audience are those who get a message.
func (w *World) audience(m *Message) []int64 {
	if m.Channel == 0 {
		return m.People
	}
	var list []int64
	for id := range w.channels[m.Channel].members {
		list = append(list, id)
	}
	return list
}

// shows reports whether somebody has a message.
func (w *World) shows(m *Message, user int64) bool {
	return !m.Deleted && slices.Contains(w.audience(m), user)
}

// find is a message that somebody has.
func (w *World) find(id, user int64) *Message {
	i, found := slices.BinarySearchFunc(w.messages, id, func(m *Message, id int64) int { return cmp.Compare(m.ID, id) })
	if !found || user != 0 && !w.shows(w.messages[i], user) {
		return nil
	}
	return w.messages[i]
}

// firstMessage is the id of the first message of all.
const firstMessage = 1001

// add takes a message, and tells it to those who get it; from and local are the queue and the local_id of its sender.
func (w *World) add(m *Message, from, local string) {
	m.ID, m.Time = firstMessage, time.Now()
	if n := len(w.messages); n > 0 {
		m.ID = w.messages[n-1].ID + 1
	}
	w.messages = append(w.messages, m)
	for _, to := range w.audience(m) {
		w.tell(to, "message", func(q *queue) fields {
			e := fields{"message": w.shown(m), "flags": w.flags(m, to)}
			if q.id == from && local != "" {
				e["local_message_id"] = local
			}
			return e
		})
	}
}

// shown is a message as the API has it ("Get messages").
func (w *World) shown(m *Message) fields {
	sender := w.users[m.Sender]
	out := fields{
		"id": m.ID, "sender_id": m.Sender, "sender_full_name": sender.Name, "sender_email": sender.Email, "sender_realm_str": "",
		"content": m.Content, "content_type": "text/x-markdown", "timestamp": m.Time.Unix(), "client": "website", "subject": m.Topic,
		"is_me_message": strings.HasPrefix(m.Content, "/me "), "submessages": []any{}, "topic_links": []any{}, "recipient_id": 1,
	}
	reactions := []fields{}
	for _, r := range m.Reactions {
		reactions = append(reactions, fields{"emoji_name": r.Name, "emoji_code": r.Code, "reaction_type": r.ReactionOf, "user_id": r.User})
	}
	out["reactions"] = reactions
	if m.Channel != 0 {
		out["type"], out["stream_id"], out["display_recipient"] = "stream", m.Channel, w.channels[m.Channel].Name
		return out
	}
	people := []fields{}
	for _, id := range m.People {
		people = append(people, fields{"id": id, "email": w.users[id].Email, "full_name": w.users[id].Name, "is_mirror_dummy": false})
	}
	out["type"], out["display_recipient"] = "private", people
	return out
}

// flags are somebody's at a message.
func (w *World) flags(m *Message, user int64) []string {
	flags := []string{}
	u := w.users[user]
	id := strconv.FormatInt(user, 10)
	for _, mention := range []string{"@**" + u.Name + "**", "@**" + u.Name + "|" + id + "**", "@**|" + id + "**"} {
		if strings.Contains(m.Content, mention) {
			flags = append(flags, "mentioned")
			break
		}
	}
	for _, word := range []string{"all", "everyone", "channel", "stream"} {
		if strings.Contains(m.Content, "@**"+word+"**") {
			flags = append(flags, "stream_wildcard_mentioned")
			break
		}
	}
	if m.Sender == user {
		flags = append(flags, "read")
	}
	return flags
}

// Messages are those that somebody sees, in order.
func (w *World) Messages(u *User) (list []Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		if w.shows(m, u.ID) {
			c := *m
			c.Reactions = slices.Clone(m.Reactions)
			list = append(list, c)
		}
	}
	return list
}

// From are the messages that one person has from another.
func (w *World) From(u, sender *User) []Message {
	return slices.DeleteFunc(w.Messages(u), func(m Message) bool { return m.Sender != sender.ID })
}
