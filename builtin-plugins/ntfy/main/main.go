// Command main is the ntfy channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/ntfy/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("ntfy", ntfy.New()) }

func main() {}
