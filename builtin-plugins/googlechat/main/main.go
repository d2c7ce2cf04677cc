// Command main is the Google Chat channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/googlechat/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("googlechat", googlechat.New()) }

func main() {}
