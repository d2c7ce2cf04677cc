// Command main is the Discord channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/discord/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/discord"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("discord", discord.New()) }

func main() {}
