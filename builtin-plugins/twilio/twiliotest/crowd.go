package twiliotest

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// PublicURL is what a gateway has to be told as its address (gateway.publicUrl): the crowd's calls are signed for it, wherever they are
// made. One that is told another takes none of them, and finds what people have written in the list.
const PublicURL = "https://gateway.example.org"

const publicHook = PublicURL + "/plugins/twilio/default/"

// Crowd is a Server on loopback to whose number many people write, as the tests of all channels have it.
type Crowd struct {
	*Server
	*crowd.Dice
}

var _ channeltest.Reachable = (*Crowd)(nil)

// NewCrowd returns a server that listens, with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed)}
	c.Server = New(Config{Chaos: c.chaos})
	_, err := c.Listen("127.0.0.1:0")
	return c, err
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{
		Channel: "twilio", Secrets: c.Secrets(), Deduplicates: true, Disorders: true, PublicURL: PublicURL,
		Config: map[string]any{"apiRoot": c.Root(), "accountSid": c.cfg.AccountSID, "from": c.cfg.Number, "webhook": publicHook, "pollInterval": 1},
	}
}

// Reach implements channeltest.Reachable.
func (c *Crowd) Reach(url string) { c.Webhook(publicHook, url+"/plugins/twilio/default/", nil) }

// firstPerson is the number of person 0.
const firstPerson = 15005551000

func numberOf(person int) string { return "+" + strconv.Itoa(firstPerson+person) }

// Say implements channeltest.Platform. Now and then a call is made twice, or never.
func (c *Crowd) Say(person int, text string) {
	if c.Roll(10) == 0 {
		c.Repeat(1)
	}
	c.Server.Say(numberOf(person), text)
}

// Heard implements channeltest.Platform.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	for _, m := range c.Sent() {
		if person, err := strconv.Atoi(strings.TrimPrefix(m.To, "+")); err == nil {
			heard = append(heard, channeltest.Heard{Person: person - firstPerson, Text: m.Body, At: m.At})
		}
	}
	return heard
}

// Connected implements channeltest.Platform: the list is read.
func (c *Crowd) Connected() bool { return len(c.Requests()) > 0 }

// chaos chooses what goes wrong with a request. A message that was taken and whose answer is cut off is found in the list.
func (c *Crowd) chaos(kind string) *Fault {
	if kind != "create" {
		return nil
	}
	return crowd.Send(c.Dice, Fault{Status: 429, Code: 20429, RetryAfter: 1}, Fault{Status: 503, Code: 20503}, true)
}
