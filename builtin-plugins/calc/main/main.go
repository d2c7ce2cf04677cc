// Command main builds calc alone.
package main

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/calc"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
)

func init() { tool.Register("calc", calc.New()) }

func main() {}
