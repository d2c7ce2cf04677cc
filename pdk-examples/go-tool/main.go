// Command go-tool is a plugin with a tool that rolls dice.
package main

import (
	"math/rand/v2"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type dice struct{}

// Invoke rolls. The kernel has checked the arguments against the manifest's schema.
func (dice) Invoke(_ *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	sides := int64(6)
	if given := args.Get("sides"); given.Exists() {
		sides = given.Int()
	}
	return tool.Text(strconv.FormatInt(1+rand.Int64N(sides), 10)), nil
}

func init() { tool.Register("go-tool", dice{}) }

func main() {}
