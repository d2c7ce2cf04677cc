// Command main is the MQTT channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/mqtt/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("mqtt", mqtt.New()) }

func main() {}
