package signaltest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose account many people write, as the tests of all channels have it.
//
// signal-cli hands an envelope out once, and what is on the wire when a gateway ends is lost. So these people write the next
// thing when they see that the last one was read, which a gateway says once it has written it down; or a while after somebody listens
// again, when it was not.
type Crowd struct {
	*Server
	*crowd.Dice

	mu   sync.Mutex
	said map[string]string // texts by id
}

var _ channeltest.Teller = (*Crowd)(nil)

// How long people wait until a message was read, and after the stream that it was written to was followed by another one.
const (
	patience   = time.Minute
	afterwards = 2 * time.Second
)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed), said: map[string]string{}}
	c.Server = New(Config{Chaos: c.chaos})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{Channel: "signal", Config: map[string]any{"url": c.Root(), "account": c.cfg.Account}, Secrets: map[string]string{}, TellsOnce: true}
}

// firstPerson is the number of person 0.
const firstPerson = 491_500_000

// Say implements channeltest.Platform. Now and then an envelope comes twice, or the stream ends and begins anew.
func (c *Crowd) Say(person int, text string) {
	switch n := c.Roll(100); {
	case n < 10:
		c.Repeat(1)
	case n < 14:
		c.Break()
	}
	who := Person{Number: "+" + strconv.Itoa(firstPerson+person), ACI: fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", person), Name: fmt.Sprint("Person ", person)}
	before := c.Opened()
	id := c.Server.Say(who, text)
	c.mu.Lock()
	c.said[id] = text
	c.mu.Unlock()
	_, at, _ := strings.Cut(id, ":")
	time, _ := strconv.ParseInt(at, 10, 64)
	read := func() bool { return c.HasRead(who.Number, time) }
	c.await(patience, func() bool { return read() || c.Opened() > before })
	c.await(afterwards, read)
}

// await waits until ok answers true, or for so long.
func (c *Crowd) await(most time.Duration, ok func() bool) {
	ctx, cancel := context.WithTimeout(c.Life, most)
	defer cancel()
	_ = c.Wait(ctx, ok) // whoever wrote goes on then
}

// Told implements channeltest.Teller.
func (c *Crowd) Told() (told []channeltest.Told) {
	list := c.Handed()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range list {
		told = append(told, channeltest.Told{Text: c.said[h.ID], At: h.At, Taken: h.At})
	}
	return told
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, s := range c.Shown() {
		if number, err := strconv.Atoi(strings.TrimPrefix(s.To, "+")); err == nil && s.Text != "" {
			heard = append(heard, channeltest.Heard{Person: number - firstPerson, Text: s.Text, At: s.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Listening() }

// chaos chooses what goes wrong with a request. A message that was sent is never cut off: signal-cli does not know one that comes again.
func (c *Crowd) chaos(method string) *Fault {
	if method != "send" {
		return nil
	}
	switch n := c.Roll(100); {
	case n < 3:
		return &Fault{Code: -5, Message: "Failed to send message due to rate limiting", Type: "RATE_LIMIT_FAILURE", RetryAfter: 1}
	case n < 5:
		return &Fault{Code: -3, Message: "Failed to send message: no network"}
	case n < 7:
		return &Fault{Cut: true}
	case n < 9:
		return &Fault{Delay: time.Duration(n) * time.Millisecond}
	}
	c.Taken()
	return nil
}
