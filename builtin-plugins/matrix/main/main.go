// Command main is the Matrix channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/matrix/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("matrix", matrix.New()) }

func main() {}
