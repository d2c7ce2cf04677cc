package whatsapptest

import (
	"context"
	"fmt"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose number many people write, as the tests of all channels have it.
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
		Channel: "whatsapp", Config: map[string]any{"apiRoot": c.Root(), "phoneNumberId": c.cfg.PhoneNumberID}, Secrets: c.Secrets(),
	}
}

// Reach implements channeltest.Reachable: the address is given as the owner does in the dashboard, again and again until the
// gateway knows that it is meant.
func (c *Crowd) Reach(url string) {
	c.registration.Begin(c.Host, func(ctx context.Context) error { return c.Webhook(ctx, url+"/plugins/whatsapp/default/", nil) })
}

// firstPerson is the number of person 0.
const firstPerson = 16505550000

// Say implements channeltest.Platform. Now and then a call of the webhook comes twice, or late.
func (c *Crowd) Say(person int, text string) {
	crowd.Call(c.Dice, c.Outbox)
	number := strconv.Itoa(firstPerson + person)
	c.Server.Say(Person{Number: number, User: "US." + number, Name: fmt.Sprint("Person ", person)}, text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, s := range c.Sent() {
		if number, err := strconv.Atoi(s.To); err == nil && s.Failed == 0 && s.Type == "text" {
			heard = append(heard, channeltest.Heard{Person: number - firstPerson, Text: s.Text, At: s.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.registration.Done() }

// chaos chooses what goes wrong with a call. A message that was taken is not cut off: a repeated one is not known.
func (c *Crowd) chaos(edge string) *Fault {
	if edge != "messages" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, Code: 130429, RetryAfter: 1}, Fault{Status: 500, Code: 131000}, false)
}
