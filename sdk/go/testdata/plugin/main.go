// Command plugin is a module of two tools, for the SDK's own tests.
package main

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// remember answers with what is kept under the tool's name.
type remember struct{}

func (remember) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	host.Info("remembering " + call.Name)
	value, ok, err := host.KVGet(call.Name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return tool.Failed("nothing is kept under " + call.Name), nil
	}
	return tool.Text(value), nil
}

// misbehave panics in the way that its caller names.
type misbehave struct{}

func (misbehave) Invoke(_ *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	var nothing *wit.ToolContext
	switch call.Name {
	case "nil":
		return tool.Text(nothing.Agent), nil
	}
	panic("on purpose")
}

func init() {
	tool.Register("remember", remember{})
	tool.Register("misbehave", misbehave{})
}

func main() {}
