// Command main is the provider eliza as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/eliza/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/eliza"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
)

func init() { provider.Register("eliza", eliza.New()) }

func main() {}
