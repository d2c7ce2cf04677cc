package ntfy_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

// TestTranscripts: what ntfy tells, in the form in which its documentation has it ("JSON message format"), and what is made of it.
func TestTranscripts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.MediaIn, channeltest.Direct, channeltest.Buttons)
	sdktest.Replay(t, ntfy.New(), "testdata/*.jsonl")
}
