package discordtest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// world is the people, guilds, channels and messages.
type world struct {
	gateway  *Gateway
	happened *change.Signal

	mu       sync.Mutex
	bot      User
	last     int64 // the last id's number
	users    map[string]User
	guilds   map[string]*Guild
	channels map[string]*Channel
	messages map[string][]*Message // by channel
	nonces   map[string]*Message
	refused  map[string]*apiError // channels and people that take nothing, with why
	files    map[string][]byte    // by path
	commands []Command
	tokens   map[string]bool    // of interactions, true until they are acknowledged
	buckets  map[string]*bucket // of channels
}

func newWorld(g *Gateway, happened *change.Signal) *world {
	w := &world{
		gateway: g, happened: happened, users: map[string]User{}, guilds: map[string]*Guild{}, channels: map[string]*Channel{},
		messages: map[string][]*Message{}, nonces: map[string]*Message{}, refused: map[string]*apiError{}, files: map[string][]byte{},
		tokens: map[string]bool{},
	}
	w.bot = User{ID: "1000000000000000001", Username: "carapace", GlobalName: "Carapace", Bot: true, Discriminator: "0"}
	w.users[w.bot.ID] = w.bot
	return w
}

// epoch is the first moment that ids can tell, in milliseconds since 1970.
const epoch = 1_420_070_400_000

// id returns the next id.
func (w *world) id() string {
	now := (time.Now().UnixMilli() - epoch) << 22
	w.last = max(now, w.last+1)
	return strconv.FormatInt(w.last, 10)
}

// Bot returns who the bot is.
func (w *world) Bot() User {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bot
}

// ApplicationID is the application's that the bot belongs to.
const ApplicationID = "1000000000000000002"

// Person returns a user by a small number.
func Person(n int) User {
	return User{ID: strconv.Itoa(2_000_000 + n), Username: fmt.Sprint("person", n), GlobalName: fmt.Sprint("Person ", n), Discriminator: "0"}
}

// AddGuild adds a server that the bot is in, with a role of its own, and tells the bot of it.
func (w *world) AddGuild(name string) Guild {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := &Guild{ID: w.id(), Name: name, Channels: []Channel{}, Threads: []Channel{}}
	g.Roles = []Role{{ID: g.ID, Name: "@everyone"}, {ID: w.id(), Name: "bots"}}
	g.Members = []Member{{User: &w.bot, Roles: []string{g.Roles[1].ID}, JoinedAt: stamp(time.Now())}}
	w.guilds[g.ID] = g
	w.gateway.dispatch("GUILD_CREATE", *g, intentGuilds)
	return *g
}

// AddChannel adds a channel of a guild, and tells the bot of it.
func (w *world) AddChannel(guild, name string) Channel { return w.addChannel(guild, name, Text, true) }

// AddHiddenChannel adds one that the bot hears of only when something is said there, as in a guild with more channels than it
// knows.
func (w *world) AddHiddenChannel(guild, name string) Channel {
	return w.addChannel(guild, name, Text, false)
}

func (w *world) addChannel(guild, name string, kind int, told bool) Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := Channel{ID: w.id(), Type: kind, GuildID: guild, Name: name}
	w.channels[c.ID] = &c
	if told {
		if g := w.guilds[guild]; g != nil {
			g.Channels = append(g.Channels, c)
		}
		w.gateway.dispatch("CHANNEL_CREATE", c, intentGuilds)
	}
	return c
}

// AddThread opens a thread in a channel, and tells the bot of it if told is set.
func (w *world) AddThread(parent, name string, told bool) Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := Channel{ID: w.id(), Type: PublicThread, Name: name, ParentID: parent, Thread: &ThreadMetadata{AutoArchiveDuration: 1440, ArchiveTimestamp: stamp(time.Now())}}
	if p := w.channels[parent]; p != nil {
		c.GuildID = p.GuildID
	}
	w.channels[c.ID] = &c
	if told {
		if g := w.guilds[c.GuildID]; g != nil {
			g.Threads = append(g.Threads, c)
		}
		w.gateway.dispatch("THREAD_CREATE", c, intentGuilds)
	}
	return c
}

// LockThread closes a thread for good.
func (w *world) LockThread(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels[id].Thread.Archived, w.channels[id].Thread.Locked = true, true
}

// RemoveChannel deletes a channel or a thread.
func (w *world) RemoveChannel(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[id]
	delete(w.channels, id)
	if c != nil {
		event := "CHANNEL_DELETE"
		if c.Type == PublicThread {
			event = "THREAD_DELETE"
		}
		w.gateway.dispatch(event, *c, intentGuilds)
	}
}

// DirectChat returns the direct chat with somebody, which there is from the first time on.
func (w *world) DirectChat(u User) Channel {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.direct(u)
}

func (w *world) direct(u User) *Channel {
	w.users[u.ID] = u
	for _, c := range w.channels {
		if c.Type == DirectChat && c.Recipients[0].ID == u.ID {
			return c
		}
	}
	c := &Channel{ID: w.id(), Type: DirectChat, Recipients: []User{u}}
	w.channels[c.ID] = c
	return c
}

// Refuse has a channel, or the direct chat with somebody, take nothing from the bot: status and code are those of the answer.
// A code of 0 takes that back.
func (w *world) Refuse(id string, status, code int, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused[id] = nil; code != 0 {
		w.refused[id] = &apiError{Status: status, Code: code, Message: message}
	}
}

// Messages returns what a channel shows, in order.
func (w *world) Messages(channel string) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Message, 0, len(w.messages[channel]))
	for _, m := range w.messages[channel] {
		list = append(list, *m)
	}
	return list
}

// FromBot returns what the bot has said in a channel, in order.
func (w *world) FromBot(channel string) []Message {
	return slices.DeleteFunc(w.Messages(channel), func(m Message) bool { return m.Author == nil || m.Author.ID != w.bot.ID })
}

// Commands returns the commands that the bot has registered.
func (w *world) Commands() []Command {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.commands)
}

// find returns a message of a channel, nil when there is none.
func (w *world) find(channel, id string) *Message {
	for _, m := range w.messages[channel] {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// stamp writes a time as Discord does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }
