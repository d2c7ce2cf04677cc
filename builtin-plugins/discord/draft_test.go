package discord_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestALongAnswerAppearsWhileItIsWritten: its beginning is a message, which the whole answer takes the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := discordtest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	_, finish := storm.StartSlow(t, crowd, "..")
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool {
			list := crowd.FromBot(crowd.DirectChat(discordtest.Person(0)).ID)
			return len(list) == 1 && list[0].Content == text
		}
	}
	if err := crowd.Wait(t.Context(), shows("**The beginning** of")); err != nil {
		t.Fatal(err)
	}
	finish()
	if err := crowd.Wait(t.Context(), shows("**The beginning** of it, and the end.")); err != nil {
		t.Fatal(err)
	}
	if sent := crowd.Sent(); len(sent) != 1 {
		t.Errorf("%d messages were sent", len(sent))
	}
}
