// Package ollama is a model provider for Ollama, which runs models at home, by its own API.
//
// It turns a chat into a request (request.go, message.go) and the lines of the stream into text, thinking, tool calls and usage
// (stream.go). The API is Ollama's own since only there a request says how much the model reads (config.go): by the API that is
// like OpenAI's, a conversation would be cut without a word.
//
// Facts about the API are from docs.ollama.com: the API reference, and the pages on thinking, structured outputs, tool calling and
// context length.
package ollama

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider speaks Ollama's API. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
	_ provider.Embedder = Provider{}
	_ provider.Puller   = Provider{}
)

// Request plans the request that a chat is answered with.
func (Provider) Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	c, err := newConfig(chat.Config)
	if err != nil {
		return nil, err
	}
	request, err := c.request(host, "POST", "/api/chat")
	if err != nil {
		return nil, err
	}
	names := toolname.New(chat)
	request.JSON, request.Embed = c.body(chat, names), embedded(chat)
	request.Timeout = c.timeout * 1000
	plan := &wit.ProviderPlan{Request: request, Framing: wit.FramingNDJSON}
	if first := (&state{names: names.Back(chat.Tools)}); len(first.names) > 0 {
		plan.State = first.JSON()
	}
	return plan, nil
}
