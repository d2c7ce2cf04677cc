package matrixtest

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it. Each of them makes a room,
// invites the bot and writes at once, as people's programs do.
type Crowd struct {
	*Server
	*crowd.Dice
	Bot *User

	token string
	mu    sync.Mutex
	rooms map[int]string
	whose map[string]int
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed), rooms: map[int]string{}, whose: map[string]int{}}
	c.Server = New(Config{Chaos: c.chaos, Timeline: 3})
	c.Bot = c.Register("bot", "Carapace")
	c.token = c.Bot.Token()
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "matrix", Config: map[string]any{"homeserver": c.Root(), "autoJoin": "all"}, Secrets: map[string]string{"accessToken": c.token}, Deduplicates: true,
	}
}

// Say implements channeltest.Platform.
func (c *Crowd) Say(person int, text string) {
	c.mu.Lock()
	room := c.rooms[person]
	c.mu.Unlock()
	id := "@person" + strconv.Itoa(person) + ":" + c.Name()
	if room == "" {
		u := c.Register("person"+strconv.Itoa(person), fmt.Sprint("Person ", person))
		room = u.CreateRoom(RoomOptions{Direct: true, Invite: []string{c.Bot.ID}})
		c.mu.Lock()
		c.rooms[person], c.whose[room] = room, person
		c.mu.Unlock()
	}
	c.World.user(id).Say(room, text)
}

// user is somebody by the id.
func (w *World) user(id string) *User {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.users[id]
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for room, person := range c.whose {
		for _, m := range c.Shown(room) {
			if m.Sender == c.Bot.ID {
				heard = append(heard, channeltest.Heard{Person: person, Text: m.Text, At: m.At})
			}
		}
	}
	return heard
}

// Room is where somebody writes to the bot, "" before they have.
func (c *Crowd) Room(person int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rooms[person]
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Syncing(c.Bot.ID) }

// chaos chooses what goes wrong with a call. A send may be cut off after it took effect, since the server knows one that comes
// again.
func (c *Crowd) chaos(call string) *Fault {
	switch n := c.Roll(100); {
	case (call == "send" || call == "join" || call == "messages") && n < 4:
		return &Fault{Status: 429, Errcode: "M_LIMIT_EXCEEDED", Error: "Too Many Requests", RetryAfter: 300}
	case call == "send" && n < 10, call == "sync" && n < 3, call == "join" && n < 8:
		return &Fault{CutAfter: true}
	case call == "send" && n < 12, call == "sync" && n < 6, call == "messages" && n < 8:
		return &Fault{Cut: true}
	case call == "sync" && n < 8:
		return &Fault{Status: 502, Body: "<html>Bad Gateway</html>", Delay: time.Duration(n) * time.Millisecond}
	case call == "sync" && n < 16:
		return &Fault{Rewind: int64(1 + n%6)}
	case call == "send":
		c.Taken()
	}
	return nil
}
