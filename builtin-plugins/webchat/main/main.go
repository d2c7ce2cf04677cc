// Command main is the web chat as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/webchat/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("webchat", webchat.New()) }

func main() {}
