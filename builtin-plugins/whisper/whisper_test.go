package whisper_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/whisper"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, whisper.New(), "testdata/*.jsonl") }
