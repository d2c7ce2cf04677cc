// Command main builds whisper alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/whisper"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
)

func init() { stt.Register("whisper", whisper.New()) }

func main() {}
