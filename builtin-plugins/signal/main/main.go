// Command main is the Signal channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/signal/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("signal", signal.New()) }

func main() {}
