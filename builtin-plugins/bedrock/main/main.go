// Command main builds bedrock alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("bedrock", bedrock.New()) }

func main() {}
