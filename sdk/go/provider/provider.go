// Package provider is for plugins that speak to language models.
//
// A provider is a codec: it turns the kernel's chat into an HTTP request, and each piece of the response
// into text, tool calls and usage. The kernel makes the request, frames the stream and fills in the
// credential. Nothing stays in memory between two pieces; what a stream needs travels in State.
package provider
