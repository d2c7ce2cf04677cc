package nextcloudtest

import (
	"fmt"
	"net/http"
	"slices"
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
	c.Bot = c.Register("carapace", "Carapace")
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "nextcloud", Config: map[string]any{"server": c.Root(), "user": c.Bot.ID}, Secrets: map[string]string{"appPassword": c.Bot.Password}, Deduplicates: true,
	}
}

// Person is one of the crowd.
func (c *Crowd) Person(n int) *User {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.people) <= n {
		c.people = append(c.people, c.Register(fmt.Sprint("person", len(c.people)), fmt.Sprint("Person ", len(c.people))))
	}
	return c.people[n]
}

// Say implements channeltest.Platform.
func (c *Crowd) Say(person int, text string) {
	u := c.Person(person)
	u.Say(u.With(c.Bot), text, 0)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.mu.Lock()
	people := c.people
	c.mu.Unlock()
	for i, u := range people {
		for _, m := range c.From(u.With(c.Bot), c.Bot) {
			heard = append(heard, channeltest.Heard{Person: i, Text: m.Text, At: m.Time})
		}
	}
	return heard
}

// Connected implements channeltest.Platform: a list of rooms has arrived. What was said before the first one is not for the account.
func (c *Crowd) Connected() bool {
	return slices.ContainsFunc(c.Calls("rooms"), func(call Call) bool { return call.Status == http.StatusOK })
}

// chaos chooses what goes wrong with a call. A send may be cut off after it took effect, since it has a referenceId.
func (c *Crowd) chaos(call string) *Fault {
	switch n := c.Roll(100); {
	case (call == "say" || call == "chat") && n < 3:
		return &Fault{Status: 429, RetryAfter: 1}
	case call == "say" && n < 10, call == "chat" && n < 5, call == "read" && n < 5:
		return &Fault{CutAfter: true}
	case call == "say" && n < 12, call == "chat" && n < 7, call == "rooms" && n < 5:
		return &Fault{Cut: true}
	case call == "rooms" && n < 9:
		return &Fault{Status: 503, Body: "<html>Maintenance</html>", Delay: time.Duration(n) * time.Millisecond}
	case call == "say":
		c.Taken()
	}
	return nil
}
