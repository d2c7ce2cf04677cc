package signal_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestALongAnswerAppearsWhileItIsWritten: its beginning is a message, which the whole answer takes the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	c := storm.Crowd(t, signaltest.NewCrowd)
	_, finish := storm.StartSlow(t, c, "..")
	c.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			list := c.Shown()
			return len(list) == 1 && list[0].Text == text && strings.Join(list[0].Styles, " ") == "0:13:BOLD"
		}
	}
	until(t, c.Server, "the beginning", shows("The beginning of"))
	finish()
	until(t, c.Server, "the end", shows("The beginning of it, and the end."))
	if facts := channeltest.Manifest(t, signal.New()); facts.MaxEdits != signaltest.MaxEdits {
		t.Errorf("a message is changed up to %d times, of which apps take %d", facts.MaxEdits, signaltest.MaxEdits)
	}
}
