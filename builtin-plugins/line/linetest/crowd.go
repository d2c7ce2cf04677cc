package linetest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose account many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice

	registration crowd.Registration
}

var (
	_ channeltest.Reachable = (*Crowd)(nil)
	_ channeltest.Teller    = (*Crowd)(nil)
)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "line", Config: map[string]any{"apiRoot": c.Root(), "dataRoot": c.Root(), "channelId": c.cfg.ChannelID}, Secrets: c.Secrets(), Deduplicates: true,
	}
}

// Reach implements channeltest.Reachable: the address is given as the owner does in the console, again and again until the
// gateway knows that it is meant.
func (c *Crowd) Reach(url string) {
	c.registration.Begin(c.Host, func(ctx context.Context) error { return c.Webhook(ctx, url+"/plugins/line/default/", nil) })
}

// Say implements channeltest.Platform. Now and then a call of the webhook comes twice, or late.
func (c *Crowd) Say(person int, text string) {
	crowd.Call(c.Dice, c.Outbox)
	id := fmt.Sprint("U", person)
	c.Meet(id, fmt.Sprint("Person ", person))
	c.Server.Say(id, text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Sent() {
		if n, err := strconv.Atoi(strings.TrimPrefix(m.To, "U")); err == nil {
			heard = append(heard, channeltest.Heard{Person: n, Text: m.Text, At: m.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.registration.Done() }

// chaos chooses what goes wrong with a call. A message that was taken and whose answer is cut off is known by its retry key, or its
// reply token.
func (c *Crowd) chaos(edge string) *Fault {
	if edge != "push" && edge != "reply" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, RetryAfter: 1}, Fault{Status: 500}, true)
}
