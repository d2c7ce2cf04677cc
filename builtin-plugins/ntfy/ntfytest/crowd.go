package ntfytest

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// People is how many a Crowd has at most: each writes to a topic of their own, and reads it.
const People = 80

// Crowd is a Server on loopback to whose topics many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice
}

var _ channeltest.Platform = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos, Token: "tk_of-the-crowd-1234567890"})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

const topicBegin = "person-"

func topicOf(person int) string { return topicBegin + strconv.Itoa(person) }

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	topics := make([]string, People)
	for i := range topics {
		topics[i] = topicOf(i)
	}
	return channeltest.Account{
		Channel: "ntfy", Config: map[string]any{"server": c.Root(), "topic": strings.Join(topics, ",")},
		Secrets: map[string]string{"token": c.cfg.Token}, Deduplicates: true, Disorders: true,
	}
}

// Say implements channeltest.Platform. Now and then a message is told twice, or the connection breaks behind it.
func (c *Crowd) Say(person int, text string) {
	luck := c.Roll(100)
	if luck < 10 {
		c.Repeat(1)
	}
	c.Publish(Message{Topic: topicOf(person % People), Message: text})
	if luck >= 10 && luck < 15 {
		c.Break()
	}
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Published("") {
		person, err := strconv.Atoi(strings.TrimPrefix(m.Topic, topicBegin))
		if err == nil && m.Event == "message" && len(m.Tags) > 0 && m.Tags[0] == "robot" {
			heard = append(heard, channeltest.Heard{Person: person, Text: m.Message, At: m.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { return c.Listening(topicOf(0)) }

// chaos chooses what goes wrong with a request. A message that was published and whose answer is cut off is found in the cache.
func (c *Crowd) chaos(kind string) *Fault {
	if kind != "publish" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, Code: 42999, RetryAfter: 1}, Fault{Status: 500, Code: 50001}, true)
}
