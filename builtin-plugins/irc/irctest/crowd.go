package irctest

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

// Bot is the nick of the account.
const Bot = "bot"

const crowdPassword = "pass-of-the-crowd's-bot"

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	s, err := Listen(Config{Accounts: map[string]string{Bot: crowdPassword}})
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
		Channel: "irc", Secrets: map[string]string{"password": crowdPassword},
		Config: map[string]any{"server": c.URL(), "nick": Bot, "account": Bot, "lineInterval": 0},
	}
}

const personPrefix = "person"

// Say implements channeltest.Platform.
func (c *Crowd) Say(person int, text string) {
	nick := fmt.Sprint(personPrefix, person)
	c.Person(nick, nick)
	dice := c.Roll(100)
	if dice < 8 && c.breaks.Add(1) > maxBreaks {
		dice = 100
	}
	c.Repeat(0)
	switch {
	case dice < 4:
		c.Break() // before it is said: it is missed
	case dice < 8:
		c.CutBefore(1)
	case dice < 12:
		c.Repeat(1)
	case dice < 16:
		c.Late(50 * time.Millisecond)
	case dice < 24:
		c.Late(0)
	}
	c.Server.Say(nick, Bot, text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Said(Bot, Bot+"_", Bot+"__") {
		number, ok := strings.CutPrefix(m.To, personPrefix)
		if person, err := strconv.Atoi(number); ok && err == nil && m.Command == "PRIVMSG" {
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
