package nextcloudtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// World is what the server knows: people, conversations and files.
type World struct {
	happened *change.Signal

	mu    sync.Mutex
	users map[string]*User
	rooms []*Room
	polls []*Poll
	files map[string]File // by user and path: ann/Talk/p.png
	next  int64           // the id of the next message
	wait  map[string]int  // long polls by user
}

func newWorld(happened *change.Signal) *World {
	return &World{happened: happened, users: map[string]*User{}, files: map[string]File{}, next: 501, wait: map[string]int{}}
}

// User is somebody with an account, who speaks and hears by the methods of a test.
type User struct {
	ID, Name, Password string
	world              *World
}

// Room is a conversation.
type Room struct {
	Token, Name string
	Type        int64 // 1 is one to one, 2 a group
	members     map[string]int64
	messages    []*Message
	active      time.Time
	readOnly    bool
}

// Message is a message as the server has it.
type Message struct {
	ID           int64
	Kind, Sender string // users and ann
	Text, Type   string // Type is comment, comment_deleted, system or voice-message
	System       string
	Reference    string
	Parameters   fields
	Parent       int64
	Thread       int64 // what the thread began with, 0 for none
	Time         time.Time
	Silent       bool
	reactions    map[string][]string
}

// File is one of somebody's.
type File struct {
	Name, Type string
	Data       []byte
}

// Register makes an account.
func (w *World) Register(id, name string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &User{ID: id, Name: name, Password: "app-password-of-" + id, world: w}
	w.users[id] = u
	return u
}

// SetPassword gives somebody another app password.
func (w *World) SetPassword(u *User, password string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u.Password = password
}

func (w *World) byLogin(id, password string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.users[id]; u != nil && u.Password == password {
		return u
	}
	return nil
}

// room is a conversation that somebody is in.
func (w *World) room(token, user string) (*Room, error) {
	for _, r := range w.rooms {
		if _, in := r.members[user]; r.Token == token && in {
			return r, nil
		}
	}
	return nil, refuse(404, "")
}

// newRoom makes a conversation.
func (w *World) newRoom(kind int64, name string, members []string) *Room {
	r := &Room{Token: fmt.Sprintf("tok%05d", len(w.rooms)+1), Name: name, Type: kind, members: map[string]int64{}, active: time.Now()}
	for _, id := range members {
		r.members[id] = 0
	}
	w.rooms = append(w.rooms, r)
	return r
}

// oneToOne is the conversation of two, which is made if it is not there.
func (w *World) oneToOne(a, b string) *Room {
	for _, r := range w.rooms {
		_, hasA := r.members[a]
		if _, hasB := r.members[b]; r.Type == 1 && hasA && hasB {
			return r
		}
	}
	r := w.newRoom(1, "", []string{a, b})
	w.add(r, &Message{Kind: "users", Sender: a, Type: "system", System: "conversation_created", Text: "{actor} created the conversation"})
	return r
}

// add takes a message.
func (w *World) add(r *Room, m *Message) int64 {
	m.ID, m.Time = w.next, time.Now()
	w.next++
	if m.Type == "" {
		m.Type = "comment"
	}
	r.messages = append(r.messages, m)
	r.active = m.Time
	w.happened.Raise()
	return m.ID
}

// find is a message of a conversation.
func (r *Room) find(id string) *Message {
	n, _ := strconv.ParseInt(id, 10, 64)
	for _, m := range r.messages {
		if m.ID == n {
			return m
		}
	}
	return nil
}

// shown is a message as the API has it ("Receive chat messages of a conversation").
func (w *World) shown(r *Room, m *Message, withParent bool) fields {
	name := m.Sender
	if u := w.users[m.Sender]; u != nil {
		name = u.Name
	}
	parameters := any([]any{}) // as PHP writes an empty map
	if text, named := w.mentions(m.Text); len(named) > 0 || len(m.Parameters) > 0 || m.System != "" {
		all := fields{"actor": fields{"type": "user", "id": m.Sender, "name": name}}
		for key, p := range named {
			all[key] = p
		}
		for key, p := range m.Parameters {
			all[key] = p
		}
		parameters = all
		m = &Message{m.ID, m.Kind, m.Sender, text, m.Type, m.System, m.Reference, m.Parameters, m.Parent, m.Thread, m.Time, m.Silent, m.reactions}
	}
	out := fields{
		"id": m.ID, "token": r.Token, "actorType": m.Kind, "actorId": m.Sender, "actorDisplayName": name, "timestamp": m.Time.Unix(),
		"systemMessage": m.System, "messageType": m.Type, "isReplyable": m.System == "", "referenceId": m.Reference, "message": m.Text,
		"messageParameters": parameters, "expirationTimestamp": 0, "reactions": []any{}, "markdown": true,
	}
	switch {
	case m.Thread != 0:
		out["threadId"], out["isThread"], out["threadTitle"], out["threadReplies"] = m.Thread, true, "a thread", 1
	case m.Parent != 0:
		out["threadId"] = m.Parent
	default:
		out["threadId"] = m.ID
	}
	if parent := r.find(strconv.FormatInt(m.Parent, 10)); withParent && parent != nil {
		out["parent"] = w.shown(r, parent, false)
		if parent.Type == "comment_deleted" {
			out["parent"] = fields{"id": parent.ID, "deleted": true}
		}
	}
	return out
}

// mentions are the people that a text names, as placeholders.
func (w *World) mentions(text string) (string, fields) {
	named := fields{}
	for _, u := range w.users {
		for _, form := range []string{`@"` + u.ID + `"`, "@" + u.ID} {
			if i := strings.Index(text, form); i >= 0 && !strings.HasPrefix(text[i+len(form):], ".") {
				key := fmt.Sprintf("mention-user%d", len(named)+1)
				named[key] = fields{"type": "user", "id": u.ID, "name": u.Name, "mention-id": u.ID}
				text = strings.ReplaceAll(text, form, "{"+key+"}")
			}
		}
	}
	if strings.Contains(text+" ", "@all ") {
		named["mention-call1"] = fields{"type": "call", "id": "x", "name": "everybody"}
		text = strings.ReplaceAll(text, "@all", "{mention-call1}")
	}
	return text, named
}

// Messages are those of a conversation that people see.
func (w *World) Messages(r *Room) (list []Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range r.messages {
		if m.System == "" {
			list = append(list, *m)
		}
	}
	return list
}

// From are the messages of somebody's in a conversation.
func (w *World) From(r *Room, u *User) []Message {
	return slices.DeleteFunc(w.Messages(r), func(m Message) bool { return m.Sender != u.ID })
}

// ReadBy is the last message that somebody has read.
func (w *World) ReadBy(r *Room, u *User) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.members[u.ID]
}

// Waiting is how many long polls of somebody's wait.
func (w *World) Waiting(u *User) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wait[u.ID]
}

// Reactions are the emoji at a message, and who has set them.
func (w *World) Reactions(r *Room, id int64) map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return r.find(strconv.FormatInt(id, 10)).reactions
}
