// Package telegramtest is Telegram as a crowd sees it: the server of package botapitest, with trouble.
package telegramtest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a server on loopback to whose bot many people write, as the tests of all channels have it.
type Crowd struct {
	*botapitest.Server
	*crowd.Dice
	root string

	limited, cut atomic.Int32
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = botapitest.New(botapitest.Config{Chaos: c.chaos})
	root, err := c.Listen("127.0.0.1:0")
	c.root = root
	return c, err
}

// firstPerson is the id of person 0, and of their chat.
const firstPerson = 1000

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{Channel: "telegram", Config: map[string]any{"apiRoot": c.root}, Secrets: map[string]string{"botToken": c.Token()}}
}

// Say implements channeltest.Platform. Now and then updates are delivered again.
func (c *Crowd) Say(person int, text string) {
	c.DM(botapitest.User{ID: firstPerson + int64(person), FirstName: fmt.Sprint("Person ", person)}, text)
	if again := c.Roll(100); again < 4 {
		c.Redeliver(1 + again)
	}
}

// Heard implements channeltest.Platform: each message that was sent and is there, as it is now.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	texts := map[int64]map[int64]string{}
	for _, s := range c.Sent() {
		chat := s.Message.Chat.ID
		if texts[chat] == nil {
			texts[chat] = map[int64]string{}
			for _, m := range c.Messages(chat) {
				texts[chat][m.MessageID] = m.Text
			}
		}
		if text, there := texts[chat][s.Message.MessageID]; there {
			heard = append(heard, channeltest.Heard{Person: int(chat - firstPerson), Text: text, At: s.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Polling() }

// Troubles says what the server did so far: how often it said that the bot is too fast, cut a connection, and delivered an
// update again.
func (c *Crowd) Troubles() string {
	return fmt.Sprintf("%d answers of 429, %d cut connections, %d updates delivered again", c.limited.Load(), c.cut.Load(), c.Repeated())
}

// chaos chooses what goes wrong with a call. A send is never cut off after it took effect: Telegram does not know one that comes
// again.
func (c *Crowd) chaos(method string) *botapitest.Fault {
	switch n := c.Roll(100); {
	case method == "sendmessage" && n < 4:
		c.limited.Add(1)
		return &botapitest.Fault{Code: 429, Description: "Too Many Requests: retry after 1", RetryAfter: 1}
	case method == "sendmessage" && n < 6, method == "getupdates" && n < 3:
		c.cut.Add(1)
		return &botapitest.Fault{Cut: true}
	case method == "getupdates" && n < 6:
		c.cut.Add(1)
		return &botapitest.Fault{CutAfter: true}
	case method == "getupdates" && n < 8:
		return &botapitest.Fault{Code: 502, Description: "Bad Gateway", Delay: time.Duration(n) * time.Millisecond}
	case method == "sendmessage":
		c.Taken()
	}
	return nil
}
