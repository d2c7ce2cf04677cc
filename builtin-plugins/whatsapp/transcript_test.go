package whatsapp_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

// TestTranscripts: what comes, in the form in which Meta documents it, and what is made of it. testdata/README.md says of which
// page each is.
func TestTranscripts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.RepliesIn, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions,
		channeltest.MediaIn, channeltest.Direct, channeltest.Groups, channeltest.Mentions, channeltest.Moves, channeltest.Buttons, channeltest.Health)
	sdktest.Replay(t, whatsapp.New(), "testdata/*.jsonl")
}
