// Command main is the Microsoft Teams channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/teams/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/teams"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("teams", teams.New()) }

func main() {}
