// Command main builds eliza alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("eliza", eliza.New()) }

func main() {}
