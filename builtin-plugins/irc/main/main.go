// Command main is the IRC channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/irc/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/irc"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("irc", irc.New()) }

func main() {}
