// Command main is the XMPP channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/xmpp/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/xmpp"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("xmpp", xmpp.New()) }

func main() {}
