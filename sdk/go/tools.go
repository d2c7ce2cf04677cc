package sdk

import "github.com/carapace-gateway/carapace/wit"

// InvokeTool calls another plugin's tool, with arguments that fit its schema, and waits for the answer, which counts for
// the deadline of the plugin's call. Permission `toolInvoke`.
func (h *Host) InvokeTool(name string, args wit.JSON) (*wit.ToolAnswer, error) {
	answer := new(wit.ToolAnswer)
	if err := call(h, toolsInvoke, &wit.ToolRequest{Name: name, Args: args}, answer); err != nil {
		return nil, err
	}
	return answer, nil
}
