package elevenlabs_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/elevenlabs"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, elevenlabs.New(), "testdata/*.jsonl") }
