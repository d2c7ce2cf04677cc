// Command main is the hook redact as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/redact/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/redact"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
)

func init() { hook.Register("redact", redact.New()) }

func main() {}
