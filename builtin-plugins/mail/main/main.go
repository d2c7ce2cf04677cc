// Command main is the e-mail channel as a module of its own:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm ./builtin-plugins/mail/main
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
)

func init() { channel.Register("mail", mail.New()) }

func main() {}
