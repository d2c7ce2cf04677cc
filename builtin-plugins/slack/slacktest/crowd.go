package slacktest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it. The app gets events
// over websockets.
type Crowd struct {
	*Server
	*crowd.Dice

	registration crowd.Registration
	limited, cut atomic.Int32
}

// CallingCrowd is a Crowd whose server calls the gateway with events.
type CallingCrowd struct{ *Crowd }

var (
	_ channeltest.Teller    = (*Crowd)(nil)
	_ channeltest.Reachable = (*CallingCrowd)(nil)
)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos, RetryDelay: 50 * time.Millisecond, AckTimeout: time.Minute})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// NewCallingCrowd is NewCrowd for a server that calls.
func NewCallingCrowd(seed uint64) (*CallingCrowd, error) {
	c, err := NewCrowd(seed)
	return &CallingCrowd{c}, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{Channel: "slack", Config: map[string]any{"apiRoot": c.Root()}, Deduplicates: true,
		Secrets: map[string]string{"botToken": c.BotToken(), "appToken": c.AppToken()}}
}

// Account implements channeltest.Platform.
func (c *CallingCrowd) Account() channeltest.Account {
	a := c.Crowd.Account()
	a.Config["mode"], a.Secrets = "events", map[string]string{"botToken": c.BotToken(), "signingSecret": c.SigningSecret()}
	return a
}

// Reach implements channeltest.Reachable: it subscribes at the gateway, as soon as the account has its credentials.
func (c *CallingCrowd) Reach(url string) {
	c.Server.mu.Lock()
	c.post.callback = "" // nothing is called at the old address
	c.Server.mu.Unlock()
	c.registration.Begin(c.Host, func(ctx context.Context) error { return c.Subscribe(ctx, url+"/plugins/slack/default/") })
}

// Connected implements channeltest.Platform.
func (c *CallingCrowd) Connected() bool { return c.registration.Done() }

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Connections() > 0 }

// person is the id of one of the crowd.
func person(n int) string { return fmt.Sprintf("U0PERSON%d", n) }

// Say implements channeltest.Platform. Now and then what was acknowledged comes again, or a message late, or the connection is lost, or
// Slack asks for another one.
func (c *Crowd) Say(n int, text string) {
	if c.Roll(10) == 0 {
		c.Delay(time.Second)
	}
	c.DM(person(n), text)
	if again := c.Roll(100); again < 4 {
		c.Redeliver(1 + again)
	}
	switch c.Roll(60) {
	case 0:
		c.Drop()
	case 1:
		c.Disconnect("warning")
	}
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.Server.mu.Lock()
	defer c.Server.mu.Unlock()
	for _, m := range c.world.sent {
		n, err := strconv.Atoi(strings.TrimPrefix(c.world.channels[m.Channel].User, "U0PERSON"))
		if err == nil {
			heard = append(heard, channeltest.Heard{Person: n, Text: unescape.Replace(m.Text), At: time.UnixMicro(micros(m.TS))})
		}
	}
	return heard
}

// unescape shows a text as people read it.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func micros(ts string) int64 {
	n, _ := strconv.ParseInt(strings.ReplaceAll(ts, ".", ""), 10, 64)
	return n
}

// Troubles says what the server did so far.
func (c *Crowd) Troubles() string {
	return fmt.Sprintf("%d answers of 429, %d cut connections, %d events told again", c.limited.Load(), c.cut.Load(), c.Repeated())
}

// chaos chooses what goes wrong with a call. A post is cut off after it took effect too: it is known when it comes again.
func (c *Crowd) chaos(method string) *Fault {
	n := c.Roll(100)
	switch post := method == "chat.postMessage"; {
	case post && n < 4:
		c.limited.Add(1)
		return &Fault{Status: 429, RetryAfter: 1}
	case post && n < 6, method == "callback" && n < 4, method == "conversations.history" && n < 10:
		c.cut.Add(1)
		return &Fault{Cut: true}
	case post && n < 9, method == "callback" && n < 8:
		c.cut.Add(1)
		return &Fault{CutAfter: true}
	case method == "link" && n < 30, method == "users.info" && n < 10:
		return &Fault{Status: 503, Delay: time.Duration(n) * time.Millisecond}
	case post:
		c.Taken()
	}
	return nil
}
