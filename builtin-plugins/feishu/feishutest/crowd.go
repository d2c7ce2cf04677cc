package feishutest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice

	registration crowd.Registration
	connects     bool
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

// NewConnectedCrowd is NewCrowd with an account that opens a connection.
func NewConnectedCrowd(seed uint64) (*Crowd, error) {
	c, err := NewCrowd(seed)
	c.connects = true
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	a := channeltest.Account{
		Channel: "feishu", Config: map[string]any{"apiRoot": c.Root(), "appId": c.cfg.AppID}, Secrets: c.Secrets(), Deduplicates: true,
	}
	if c.connects {
		a.Config["mode"] = "connection"
		a.Secrets = map[string]string{"appSecret": c.cfg.AppSecret}
	}
	return a
}

// Reach implements channeltest.Reachable: the address is given as the owner does in the developer console, again and again until the
// gateway knows that it is meant.
func (c *Crowd) Reach(url string) {
	if c.connects {
		return
	}
	c.registration.Begin(c.Host, func(ctx context.Context) error { return c.Webhook(ctx, url+"/plugins/feishu/default/", nil) })
}

// Say implements channeltest.Platform. Now and then an event comes twice, or late, or the connection ends.
func (c *Crowd) Say(person int, text string) {
	if c.connects && c.Roll(100) < 4 {
		c.Break()
	}
	crowd.Call(c.Dice, c.Outbox)
	id := fmt.Sprint("ou_", person)
	c.Meet(id, fmt.Sprint("Person ", person))
	c.Server.Say(id, text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Sent() {
		if n, err := strconv.Atoi(strings.TrimPrefix(m.To, "ou_")); err == nil {
			heard = append(heard, channeltest.Heard{Person: n, Text: m.Text, At: m.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.registration.Done() || c.connects && c.Sockets() > 0 }

// chaos chooses what goes wrong with a call. A message that was taken and whose answer is cut off is known by its uuid.
func (c *Crowd) chaos(edge string) *Fault {
	if edge != "send" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, Code: 99991400, RetryAfter: 1}, Fault{Status: 500, Code: 190002}, true)
}
