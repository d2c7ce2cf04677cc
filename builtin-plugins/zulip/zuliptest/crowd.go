package zuliptest

import (
	"fmt"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it: directly.
type Crowd struct {
	*Server
	*crowd.Dice
	Bot *User

	mu     sync.Mutex
	people []*User
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos})
	c.Bot = c.Register("Carapace", true)
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "zulip", Config: map[string]any{"site": c.Root(), "email": c.Bot.Email}, Secrets: map[string]string{"apiKey": c.Bot.Key}, Deduplicates: true,
	}
}

// Person is one of the crowd.
func (c *Crowd) Person(n int) *User {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.people) <= n {
		c.people = append(c.people, c.Register(fmt.Sprint("Person ", len(c.people)), false))
	}
	return c.people[n]
}

// Say implements channeltest.Platform.
func (c *Crowd) Say(person int, text string) { c.Person(person).Direct(text, c.Bot) }

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.mu.Lock()
	people := c.people
	c.mu.Unlock()
	for i, u := range people {
		for _, m := range c.From(u, c.Bot) {
			heard = append(heard, channeltest.Heard{Person: i, Text: m.Content, At: m.Time})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Polling(c.Bot) }

// chaos chooses what goes wrong with a call. A send may be cut off after it took effect, since the plugin looks for it.
func (c *Crowd) chaos(call string) *Fault {
	switch n := c.Roll(100); {
	case (call == "send" || call == "messages" || call == "register") && n < 4:
		return &Fault{Status: 429, Code: "RATE_LIMIT_HIT", Msg: "API usage exceeded rate limit", RetryAfter: 0.3}
	case call == "send" && n < 10, call == "events" && n < 3:
		return &Fault{CutAfter: true}
	case call == "send" && n < 12, call == "events" && n < 5, call == "messages" && n < 8:
		return &Fault{Cut: true}
	case call == "events" && n < 7:
		return &Fault{Status: 502, Body: "<html>Bad Gateway</html>", Delay: time.Duration(n) * time.Millisecond}
	case call == "events" && n < 13:
		return &Fault{Lost: true}
	case call == "send":
		c.Taken()
	}
	return nil
}
