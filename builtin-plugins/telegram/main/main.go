// Command main is the Telegram channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/telegram/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("telegram", telegram.New()) }

func main() {}
