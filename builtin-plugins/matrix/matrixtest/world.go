package matrixtest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// World is the users, the rooms and the stream of what has happened.
type World struct {
	name     string
	happened *change.Signal

	mu    sync.Mutex
	pos   int64 // of the last thing that happened: tokens are places behind it
	users map[string]*User
	rooms map[string]*room
	alias map[string]string
	txns  map[string]string // transaction ids of logins → the event
	count int64             // of ids
}

func newWorld(name string, happened *change.Signal) *World {
	return &World{name: name, happened: happened, users: map[string]*User{}, rooms: map[string]*room{}, alias: map[string]string{}, txns: map[string]string{}}
}

// User is somebody with an account. Its methods do what its owner would do with a program of theirs, and panic where the
// server would refuse it: that is a mistake of the test.
type User struct {
	world *World
	// ID is the whole id, such as @ann:test.local.
	ID       string
	name     string
	password string
	tokens   map[string]string // → device
	data     map[string]item   // account data
	filters  []string
}

// item is content of a kind that has no history, with its place in the stream.
type item struct {
	content Content
	pos     int64
}

// Content is what an event consists of.
type Content = map[string]any

// Register makes a user, with a display name if that is not empty. The password is the local part.
func (w *World) Register(local, name string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := &User{world: w, ID: "@" + local + ":" + w.name, name: name, password: local, tokens: map[string]string{}, data: map[string]item{}}
	w.users[u.ID] = u
	return u
}

// Token makes a new login of the user and returns its access token.
func (u *User) Token() string {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	return u.login("")
}

// login needs the lock.
func (u *User) login(device string) string {
	if device == "" {
		device = u.world.id("DEVICE")
	}
	token := "syt_" + rand.Text()
	u.tokens[token] = device
	return token
}

// Logout ends all of the user's logins.
func (u *User) Logout() {
	u.world.mu.Lock()
	defer u.world.mu.Unlock()
	clear(u.tokens)
}

// id is a new id that begins so.
func (w *World) id(prefix string) string {
	w.count++
	return fmt.Sprintf("%s%d", prefix, w.count)
}

// byToken returns whose token it is, and of which device.
func (w *World) byToken(token string) (*User, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.users {
		if device, ok := u.tokens[token]; ok && token != "" {
			return u, device
		}
	}
	return nil, ""
}

// tick takes the next place in the stream.
func (w *World) tick() int64 {
	w.pos++
	w.happened.Raise()
	return w.pos
}

// Event is an event of a room.
type Event struct {
	ID, Room, Type, Sender string
	// StateKey is nil for what is no state.
	StateKey *string
	Content  Content
	// Redacts is the id of what it takes back, Redacted whether it was taken back itself.
	Redacts  string
	Redacted bool
	At       time.Time

	pos    int64
	before Content // of state: what it replaces
	txn    string  // the sender's, with the login that it is of
}

// room is one room. The World has its lock.
type room struct {
	id       string
	version  string
	events   []*Event
	typing   map[string]time.Time // → until when
	typed    int64                // place of the last change
	receipts map[string]receipt   // by user
	muted    map[string]bool
}

type receipt struct {
	event string
	pos   int64
	at    time.Time
}

// state is what holds at a place in the stream.
func (r *room) state(at int64) map[[2]string]*Event {
	found := map[[2]string]*Event{}
	for _, e := range r.events {
		if e.StateKey != nil && e.pos <= at {
			found[[2]string{e.Type, *e.StateKey}] = e
		}
	}
	return found
}

// member is a user's membership at a place.
func (r *room) member(user string, at int64) string {
	is := ""
	for _, e := range r.events {
		if e.Type == "m.room.member" && *e.StateKey == user && e.pos <= at {
			is, _ = e.Content["membership"].(string)
		}
	}
	return is
}

// members are those with a membership now, in the order in which they came.
func (r *room) members(membership string) (list []string) {
	for _, e := range r.events {
		if e.Type == "m.room.member" && !slices.Contains(list, *e.StateKey) && r.member(*e.StateKey, now) == membership {
			list = append(list, *e.StateKey)
		}
	}
	return list
}

func (r *room) find(id string) *Event {
	for _, e := range r.events {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// add appends an event. It needs the World's lock.
func (w *World) add(r *room, e *Event) *Event {
	e.Room, e.At = r.id, time.Now()
	if e.ID == "" {
		e.ID = w.id("$event")
	}
	if e.StateKey != nil {
		if old := r.state(w.pos)[[2]string{e.Type, *e.StateKey}]; old != nil {
			e.before = old.Content
		}
	}
	e.pos = w.tick()
	r.events = append(r.events, e)
	return e
}

// now is a place behind everything.
const now = int64(1) << 62

// joined reports whether somebody is in a room.
func (r *room) joined(user string) bool { return r.member(user, now) == "join" }

// token writes a place in the stream, and place reads one; 0 for none.
func token(pos int64) string { return fmt.Sprintf("s%d", pos) }

func place(token string) (pos int64, ok bool) {
	if token == "" {
		return 0, true
	}
	rest, found := strings.CutPrefix(token, "s")
	_, err := fmt.Sscanf(rest, "%d", &pos)
	return pos, found && err == nil && pos >= 0
}
