// Command main builds time alone.
package main

import (
	clock "github.com/carapace-gateway/carapace/builtin-plugins/time"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
)

func init() { tool.Register("time", clock.New()) }

func main() {}
