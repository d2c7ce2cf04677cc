// Command main is the tool time as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/time/main
package main

import (
	clock "github.com/carapace-gateway/carapace/builtin-plugins/time"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
)

func init() { tool.Register("time", clock.New()) }

func main() {}
