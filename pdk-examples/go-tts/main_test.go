package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, reader{}, "testdata/*.jsonl") }
