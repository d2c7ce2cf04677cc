// Package tool is for plugins that offer tools to the model. The tools' definitions stand in the
// manifest; the kernel checks a call's arguments against their schema before it calls the plugin.
package tool

import "github.com/carapace-gateway/carapace/wit"

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
