//go:build !wasip1

package sdktest

import "github.com/carapace-gateway/carapace/wit"

func (h *Host) toolsInvoke(request *wit.ToolRequest) (*wit.ToolAnswer, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	tool := h.Tools[request.Name]
	if tool == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no tool %s", request.Name)
	}
	return tool(request.Args)
}
