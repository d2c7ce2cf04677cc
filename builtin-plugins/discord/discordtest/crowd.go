package discordtest

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice

	limited, cut, broken atomic.Int32
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos, Heartbeat: 2 * time.Second})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "discord", Config: map[string]any{"apiRoot": c.Root()}, Secrets: map[string]string{"botToken": c.Token()}, Deduplicates: true,
	}
}

// Say implements channeltest.Platform. Now and then events come again, or the connection breaks in one of the ways in which it can.
func (c *Crowd) Say(person int, text string) {
	c.DM(Person(person), text)
	c.spoil(c.Roll(100))
	roll := c.Roll(200)
	if roll < 30 {
		c.broken.Add(1)
	}
	switch {
	case roll < 8:
		c.Repeat(1 + roll)
	case roll < 16:
		c.Drop()
	case roll < 20:
		c.Reconnect()
	case roll < 24:
		c.CloseWith(4000, "Unknown error.")
	case roll < 27:
		c.Invalidate(true)
	case roll < 30:
		c.Beat()
	}
}

// Heard implements channeltest.Platform: each message that was sent and is there, as it is now.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	people, texts := c.people(), map[string]map[string]string{}
	for _, s := range c.Sent() {
		channel := s.Message.ChannelID
		if texts[channel] == nil {
			texts[channel] = map[string]string{}
			for _, m := range c.Messages(channel) {
				texts[channel][m.ID] = m.Content
			}
		}
		person, err := strconv.Atoi(strings.TrimPrefix(people[channel], "person"))
		if err != nil {
			person = -1
		}
		if text, there := texts[channel][s.Message.ID]; there {
			heard = append(heard, channeltest.Heard{Person: person, Text: text, At: s.At})
		}
	}
	return heard
}

// people are the names of those on the other side of direct chats, by channel.
func (w *world) people() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := map[string]string{}
	for id, c := range w.channels {
		if c.Type == DirectChat {
			names[id] = c.Recipients[0].Username
		}
	}
	return names
}

// Troubles says what the server did so far.
func (c *Crowd) Troubles() string {
	return fmt.Sprintf("%d answers of 429, %d cut calls, %d troubles of the gateway; %d sessions resumed",
		c.limited.Load(), c.cut.Load(), c.broken.Load(), c.Stats().Resumes)
}

// spoil has a coming send go wrong, now and then. It may be cut off after it took effect: Discord knows one that comes again.
func (c *Crowd) spoil(n int) {
	f := Fault{Route: sending}
	switch {
	case n < 8:
		c.limited.Add(1)
		f.Status, f.RetryAfter, f.Global = 429, 0.5, n == 0
	case n < 16:
		c.cut.Add(1)
		f.CutAfter = true
	case n < 22:
		c.cut.Add(1)
		f.Cut = true
	case n < 26:
		f.Status, f.Delay = 502, time.Duration(n)*time.Millisecond
	default:
		return
	}
	c.Fail(f)
}

// chaos chooses what goes wrong with a call that is no send.
func (c *Crowd) chaos(route string) *Fault {
	if route == sending {
		c.Taken()
		return nil
	}
	switch n := c.Roll(100); {
	case n < 4:
		c.cut.Add(1)
		return &Fault{Cut: true}
	case n < 8:
		return &Fault{Status: 502, Delay: time.Duration(n) * time.Millisecond}
	case n < 10:
		c.limited.Add(1)
		return &Fault{Status: 429, RetryAfter: 0.2}
	}
	return nil
}
