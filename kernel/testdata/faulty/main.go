// Command faulty is a plugin for tests: a tool that panics with what it is given.
package main

import (
	sdk "github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type faulty struct{}

func (faulty) Invoke(_ *sdk.Host, i *wit.ToolInvocation) (*wit.ToolOutput, error) {
	return rollTheDice(i), nil
}

//go:noinline
func rollTheDice(i *wit.ToolInvocation) *wit.ToolOutput { panic("no dice: " + string(i.Args)) }

func init() { tool.Register("faulty", faulty{}) }
func main() {}
