package mattermosttest

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

	limited, cut, broken, begun atomic.Int32
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{Channel: "mattermost", Config: map[string]any{"serverUrl": c.Root()}, Secrets: map[string]string{"token": c.Token()}, Deduplicates: true}
}

// Person is the id of one of the crowd.
func Person(n int) string { return fmt.Sprintf("person%020d", n) }

// Say implements channeltest.Platform. Now and then the connection is lost, or what the server knows of it, or an event.
func (c *Crowd) Say(n int, text string) {
	switch c.Roll(60) {
	case 0, 1:
		c.Drop()
		c.broken.Add(1)
	case 2:
		c.Forget()
		c.begun.Add(1)
	case 3:
		c.Lose()
		c.begun.Add(1)
	}
	c.DM(Person(n), text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.Server.mu.Lock()
	defer c.Server.mu.Unlock()
	for _, p := range c.world.made {
		channel := c.world.channels[p.ChannelID]
		for id := range strings.SplitSeq(channel.Name, "__") {
			if number, found := strings.CutPrefix(id, "person"); found && p.DeleteAt == 0 {
				n, _ := strconv.Atoi(number)
				heard = append(heard, channeltest.Heard{Person: n, Text: p.Message, At: time.UnixMilli(p.CreateAt)})
			}
		}
	}
	return heard
}

// Troubles says what the server did so far.
func (c *Crowd) Troubles() string {
	return fmt.Sprintf("%d answers of 429, %d cut requests, %d broken connections, %d that began anew",
		c.limited.Load(), c.cut.Load(), c.broken.Load(), c.begun.Load())
}

// chaos chooses what goes wrong with a request. A post is cut off after it took effect too: it is known when it comes again. The
// beginning of an answer, which the gateway shows while that is written, does not come again.
func (c *Crowd) chaos(method, path, body string) *Fault {
	n := c.Roll(100)
	switch post := method == "POST" && path == "/posts"; {
	case post && n < 3:
		c.limited.Add(1)
		return &Fault{Status: 429, Reset: 1}
	case post && n < 6, strings.HasSuffix(path, "/posts") && method == "GET" && n < 6:
		c.cut.Add(1)
		return &Fault{Cut: true}
	case post && n < 9 && !strings.Contains(body, `:draft:`):
		c.cut.Add(1)
		return &Fault{CutAfter: true}
	case path == "/websocket" && n < 20, path == "/users/me/channels" && n < 10:
		return &Fault{Status: 503, Delay: time.Duration(n) * time.Millisecond}
	case post:
		c.Taken()
	}
	return nil
}
