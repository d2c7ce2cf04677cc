package sdk_test

import (
	"fmt"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// counter is a tool that remembers how often it was called.
type counter struct{}

func (counter) Invoke(host *sdk.Host, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
	marks, _, err := host.KVGet("marks")
	if err != nil {
		return nil, err
	}
	marks += "|"
	return tool.Text(marks), host.KVPut("marks", marks, 0)
}

// The code of a plugin runs in a test as it is, against a gateway in memory.
func Example() {
	host := new(sdktest.Host).SDK()
	for range 3 {
		out, err := counter{}.Invoke(host, &wit.ToolInvocation{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(*out.Content[0].Text)
	}
	// Output:
	// |
	// ||
	// |||
}
