// Command main is the Twilio channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/twilio/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("twilio", twilio.New()) }

func main() {}
