package xmpptest

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server to whose bot many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice

	breaks atomic.Int32 // of connections
}

// maxBreaks is how many connections are broken: the pause before the next one doubles each time.
const maxBreaks = 4

var _ channeltest.Platform = (*Crowd)(nil)

// Bot is the address of the account.
const Bot = "bot@" + Domain

const crowdPassword = "pass-of-the-crowd's-bot"

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	s, err := Listen(Config{Accounts: map[string]string{"bot": crowdPassword}})
	if err != nil {
		return &Crowd{}, err
	}
	c := &Crowd{Server: s, Dice: crowd.NewDice(seed)}
	s.update(func() { s.onTaken = c.Taken })
	return c, nil
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "xmpp", Secrets: map[string]string{"password": crowdPassword},
		Config: map[string]any{"jid": Bot, "server": c.URL(), "unencrypted": true},
	}
}

const personPrefix = "person"

// Say implements channeltest.Platform. A connection may also break off when a message was taken: the server says so when the
// client is back, and forgets its clients now and then, whose archive then says it.
func (c *Crowd) Say(person int, text string) {
	dice := c.Roll(100)
	if dice < 12 && c.breaks.Add(1) > maxBreaks {
		dice = 100
	}
	c.Repeat(0)
	switch {
	case dice < 3:
		c.Break() // before it is said
	case dice < 5:
		c.Restart()
	case dice < 8:
		c.CutBefore(1)
	case dice < 12:
		c.CutAfter(1)
	case dice < 18:
		c.Repeat(1)
	case dice < 22:
		c.Late(5 * time.Millisecond)
	case dice < 28:
		c.Late(0)
	}
	jid := fmt.Sprint(personPrefix, person, "@people.test")
	c.Server.Say(jid+"/phone", Bot, text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Shown(Bot) {
		number, ok := strings.CutPrefix(m.To, personPrefix)
		number, _, _ = strings.Cut(number, "@")
		if person, err := strconv.Atoi(number); ok && err == nil && m.Text != "" {
			heard = append(heard, channeltest.Heard{Person: person, Text: m.Text, At: m.Time})
		}
	}
	return heard
}

// Trouble implements channeltest.Platform.
func (c *Crowd) Trouble(on bool) {
	c.Dice.Trouble(on)
	if !on {
		c.CutBefore(0)
		c.CutAfter(0)
		c.Late(0)
	}
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Here(Bot) }

// Close implements channeltest.Platform.
func (c *Crowd) Close() error {
	c.Server.Close()
	return nil
}
