// Package provider is for plugins that speak to language models.
//
// A provider is a codec: it turns the kernel's chat into an HTTP request, and each piece of the response
// into text, tool calls and usage. The kernel makes the request, frames the stream and fills in the
// credential. Nothing stays in memory between two pieces; what a stream needs travels in State.
package provider

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider is what every provider can do.
type Provider interface {
	// Request plans how a chat is answered: by a request, or at once.
	Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error)
	// Chunk reads one piece of the response. The answer's State comes with the next piece; its Stop ends
	// the turn. A failure of the model is the answer's Error, a failure to read it the method's.
	Chunk(host *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error)
	// Models lists the models, or plans the request that does and is then asked again with the response.
	Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error)
}

var plugins guest.Table[Provider]

// Register says that this module is, or holds, the provider id. It is called from an init function.
func Register(id string, provider Provider) { plugins.Register(id, provider) }

// Call calls an export of a provider by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, provider Provider, export string, input []byte) ([]byte, error) {
	switch export {
	case "provider_request":
		return guest.Handle(host, input, new(wit.Chat), provider.Request)
	case "provider_chunk":
		return guest.Handle(host, input, new(wit.ProviderChunk), provider.Chunk)
	case "provider_models":
		return guest.Handle(host, input, new(wit.ModelsQuery), provider.Models)
	}
	return nil, guest.Missing(export)
}
