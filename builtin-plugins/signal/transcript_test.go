package signal_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

// TestTranscripts: what signal-cli tells, in the form in which it does, and what is made of it.
func TestTranscripts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.RepliesIn, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions,
		channeltest.TypingIn, channeltest.MediaIn, channeltest.Direct, channeltest.Groups, channeltest.Mentions, channeltest.Moves, channeltest.Health)
	sdktest.Replay(t, signal.New(), "testdata/*.jsonl")
}
