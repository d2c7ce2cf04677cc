//go:build !wasip1

package tool_test

import (
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// shouter is a whole plugin but for its manifest. A module registers it from an init function:
//
//	func init() { tool.Register("shouter", shouter{}) }
type shouter struct{}

// Invoke gets arguments that the kernel has checked against the schema in the manifest.
func (shouter) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err // for the owner's log
	}
	text := args.Get("text").Text()
	if strings.ToUpper(text) == text {
		return tool.Failed("the text is in capitals already"), nil // for the model
	}
	host.Debug("shouting")
	return tool.Text(strings.ToUpper(text)), nil
}

// Call goes the way of the module's exports, JSON in and out, so a test sees what the kernel would.
func Example() {
	gateway := new(sdktest.Host)
	for _, input := range []string{
		`{"name": "shout", "args": {"text": "good morning"}}`,
		`{"name": "shout", "args": {"text": "HELLO"}}`,
		`{"name": 1}`,
	} {
		output, err := sdktest.Call(gateway.SDK(), shouter{}, "tool_invoke", []byte(input))
		if err != nil {
			fmt.Println(wit.CodeOf(err), "-", err)
			continue
		}
		fmt.Println(string(output))
	}
	fmt.Println(len(gateway.Log), gateway.Log[0].Message)
	// Output:
	// {"content":[{"kind":"text","text":"GOOD MORNING"}]}
	// {"content":[{"kind":"text","text":"the text is in capitals already"}],"failed":true}
	// invalid - name: expected a string (byte 9)
	// 1 shouting
}
