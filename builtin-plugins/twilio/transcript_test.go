package twilio_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/twilio"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

// TestTranscripts: what Twilio calls with and answers, in the form in which its documentation has it, and what is made of it.
func TestTranscripts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.MediaIn, channeltest.Direct)
	sdktest.Replay(t, twilio.New(), "testdata/*.jsonl")
}
