// Command main is the Feishu channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/feishu/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("feishu", feishu.New()) }

func main() {}
