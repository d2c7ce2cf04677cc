// Command main is the Mattermost channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/mattermost/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("mattermost", mattermost.New()) }

func main() {}
