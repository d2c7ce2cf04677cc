// Command main is the Nextcloud Talk channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/nextcloud/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("nextcloud", nextcloud.New()) }

func main() {}
