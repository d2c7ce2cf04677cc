package teamstest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is a Server on loopback to whose bot many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice
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
	return channeltest.Account{Channel: "teams", Config: c.Settings(), Secrets: c.Secrets()}
}

// Reach implements channeltest.Reachable.
func (c *Crowd) Reach(url string) { c.Endpoint(url+"/plugins/teams/default/", nil) }

// Somebody is a person by number.
func Somebody(n int) Person { return Person{"29:person-" + strconv.Itoa(n), fmt.Sprint("Person ", n)} }

// Say implements channeltest.Platform. Now and then an activity comes twice, or late.
func (c *Crowd) Say(person int, text string) {
	crowd.Call(c.Dice, c.Outbox)
	p := Somebody(person)
	c.Server.Say(p, c.Meet(p), "", text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Sent() {
		number, _ := strings.CutSuffix(strings.TrimPrefix(m.Chat, "a:person-"), "-with-the-bot")
		if n, err := strconv.Atoi(number); err == nil {
			heard = append(heard, channeltest.Heard{Person: n, Text: m.Text, At: m.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform: the bot has an endpoint, and a token.
func (c *Crowd) Connected() bool {
	c.Server.mu.Lock()
	defer c.Server.mu.Unlock()
	return c.Known() && len(c.tokens) > 0
}

// chaos chooses what goes wrong with a call. What took effect is not cut off: the connector knows no repeated message.
func (c *Crowd) chaos(call string) *Fault {
	if call != "post" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, Code: "TooManyRequests", RetryAfter: 1}, Fault{Status: 502, Code: "ServiceError"}, false)
}
