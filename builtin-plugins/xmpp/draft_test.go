package xmpp_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp/xmpptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestALongAnswerAppearsWhileItIsWritten: its beginning is a message, which corrections take the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Streaming)
	c := storm.Crowd(t, xmpptest.NewCrowd)
	g, finish := storm.StartSlow(t, c, "..")
	c.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			heard := c.Heard()
			return len(heard) == 1 && heard[0].Text == text
		}
	}
	until(t, c.Server, "the beginning", shows("*The beginning* of"))
	finish()
	until(t, c.Server, "the end", shows("*The beginning* of it, and the end."))
	g.Settle()
	bodies := 0
	for _, m := range c.Said(xmpptest.Bot) {
		if m.Text != "" && m.Stanza.Kid("replace", "") == nil {
			bodies++
		}
	}
	if bodies != 1 {
		t.Errorf("%d messages were sent", bodies)
	}
}

// TestAWholeAnswerIsNotLostWithItsConnection: the connection breaks when the last correction was written and before the server has said
// that it has it; it is made again.
func TestAWholeAnswerIsNotLostWithItsConnection(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Streaming, channeltest.Outages)
	c := storm.Crowd(t, xmpptest.NewCrowd)
	g, finish := storm.StartSlow(t, c, "..")
	c.Say(0, "tell me")
	until(t, c.Server, "the beginning", func() bool { return len(c.Heard()) == 1 })
	c.CutBefore(1)
	finish()
	until(t, c.Server, "the end", func() bool {
		heard := c.Heard()
		return len(heard) == 1 && heard[0].Text == "*The beginning* of it, and the end."
	})
	g.Settle()
}
