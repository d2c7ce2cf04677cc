// Command main builds redact alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/redact"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
)

func init() { hook.Register("redact", redact.New()) }

func main() {}
