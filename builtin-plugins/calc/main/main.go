// Command main is the tool calc as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/calc/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/calc"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
)

func init() { tool.Register("calc", calc.New()) }

func main() {}
