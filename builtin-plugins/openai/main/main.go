// Command main builds openai alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("openai", openai.New()) }

func main() {}
