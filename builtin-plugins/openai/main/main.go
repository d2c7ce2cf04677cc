// Command main builds openai alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
)

func init() {
	provider.Register("openai", openai.New())
	tts.Register("openai", openai.New())
}

func main() {}
