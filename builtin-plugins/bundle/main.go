// Command bundle holds all built-in plugins in one WebAssembly module. What an instance is, it is told
// at its start; each plugin still has a manifest, permissions and state of its own.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() {
	provider.Register("eliza", eliza.New())
}

func main() {}
