// Package tool is for plugins that offer tools to the model. The tools' definitions stand in the
// manifest; the kernel checks a call's arguments against their schema before it calls the plugin.
package tool

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

// Tool is a plugin with one or more tools.
type Tool interface {
	// Invoke runs the tool that call names. What the model should know about a failure is an output made
	// with Failed; an error is for the owner.
	Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error)
}

// Text returns an output of one text.
func Text(text string) *wit.ToolOutput {
	return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}}
}

// Failed returns the output of a tool that ran and has bad news: what is wrong and how to ask better.
func Failed(text string) *wit.ToolOutput {
	out := Text(text)
	out.Failed = true
	return out
}

var plugins guest.Table[Tool]

// Register says that this module is, or holds, the tool plugin id. It is called from an init function.
func Register(id string, tool Tool) { plugins.Register(id, tool) }

// Call calls an export of a tool by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, tool Tool, export string, input []byte) ([]byte, error) {
	if export == "tool_invoke" {
		return guest.Handle(host, input, new(wit.ToolInvocation), tool.Invoke)
	}
	return nil, guest.Missing(export)
}
