// Command main is the LINE channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/line/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/line"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("line", line.New()) }

func main() {}
