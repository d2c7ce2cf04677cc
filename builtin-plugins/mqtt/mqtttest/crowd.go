package mqtttest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
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

	mu    sync.Mutex
	heard []channeltest.Heard
}

// maxBreaks is how many connections are broken: the pause before the next one doubles each time.
const maxBreaks = 4

var _ channeltest.Platform = (*Crowd)(nil)

// Bot is the client's id of the account.
const Bot = "bot"

const crowdPassword = "pass-of-the-crowd's-bot"

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	s, err := Listen(Config{Users: map[string]string{Bot: crowdPassword}})
	if err != nil {
		return &Crowd{}, err
	}
	c := &Crowd{Server: s, Dice: crowd.NewDice(seed)}
	s.update(func() { s.onTaken = c.taken })
	return c, nil
}

// taken notes the last message that was taken.
func (c *Crowd) taken() {
	m := c.published[len(c.published)-1]
	name := strings.TrimSuffix(strings.TrimPrefix(m.Topic, "chat/"+personPrefix), "/out")
	if person, err := strconv.Atoi(name); err == nil {
		c.mu.Lock()
		c.heard = append(c.heard, channeltest.Heard{Person: person, Text: string(m.Payload), At: time.Now()})
		c.mu.Unlock()
	}
	c.Taken()
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "mqtt", Secrets: map[string]string{"password": crowdPassword},
		Config: map[string]any{
			"server": c.URL(), "clientId": Bot, "user": Bot, "topics": []string{"chat/{conversation}/in"}, "answerTopic": "chat/{conversation}/out", "qos": 2,
		},
	}
}

const personPrefix = "person"

// Say implements channeltest.Platform.
func (c *Crowd) Say(person int, text string) {
	dice := c.Roll(100)
	if dice < 12 && c.breaks.Add(1) > maxBreaks {
		dice = 100
	}
	c.Repeat(0)
	switch {
	case dice < 4:
		c.Break() // before it is said
	case dice < 8:
		c.CutBefore(1)
	case dice < 12:
		c.Unheard(1)
	case dice < 20:
		c.Repeat(1)
	case dice < 24:
		c.Late(50 * time.Millisecond)
	case dice < 32:
		c.Late(0)
	}
	c.Publish(fmt.Sprint("chat/", personPrefix, person, "/in"), text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() []channeltest.Heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]channeltest.Heard(nil), c.heard...)
}

// Trouble implements channeltest.Platform.
func (c *Crowd) Trouble(on bool) {
	c.Dice.Trouble(on)
	if !on {
		c.CutBefore(0)
		c.Unheard(0)
		c.Late(0)
	}
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Reads(Bot, "chat/+/in") }

// Close implements channeltest.Platform.
func (c *Crowd) Close() error {
	c.Server.Close()
	return nil
}
