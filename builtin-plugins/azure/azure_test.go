package azure_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/azure"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, azure.New(), "testdata/*.jsonl") }
