// Command main builds klatt alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() { tts.Register("klatt", klatt.New()) }

func main() {}
