// Command main builds gemini alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("gemini", gemini.New()) }

func main() {}
