// Command main builds elevenlabs alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/elevenlabs"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() { tts.Register("elevenlabs", elevenlabs.New()) }

func main() {}
