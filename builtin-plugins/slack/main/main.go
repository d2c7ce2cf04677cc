// Command main is the Slack channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/slack/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("slack", slack.New()) }

func main() {}
