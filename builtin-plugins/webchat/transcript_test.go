package webchat_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/webchat"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, webchat.New(), "testdata/*.jsonl") }
