// Command main builds ollama alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/ollama"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("ollama", ollama.New()) }

func main() {}
