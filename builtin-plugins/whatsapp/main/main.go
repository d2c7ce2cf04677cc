// Command main is the WhatsApp channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/whatsapp/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("whatsapp", whatsapp.New()) }

func main() {}
