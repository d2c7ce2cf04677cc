// Command main builds azure alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/azure"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() { tts.Register("azure", azure.New()) }

func main() {}
