// Command main builds anthropic alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("anthropic", anthropic.New()) }

func main() {}
