// Command main is the Zulip channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/zulip/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("zulip", zulip.New()) }

func main() {}
