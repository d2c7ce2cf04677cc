// Package openai is a model provider for OpenAI and for everything that speaks its chat completions:
// most hosted models, and the servers that run models at home.
//
// It turns a chat into a request (request.go, message.go, tools.go) and what comes of the stream into text,
// thinking, tool calls and usage (stream.go, delta.go, thinktag, calls.go). The gateway makes the request and
// fills in the key. What of a stream has to be known later travels in the state from one chunk to the next
// (state.go). A text is said aloud by one more request (speech.go). Servers differ more than their documents say; what is tolerated is said where it is read.
package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider speaks chat completions. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
	_ provider.Embedder = Provider{}
	_ tts.TTS           = Provider{}
)

// Request plans the request that a chat is answered with.
func (Provider) Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	c, err := newConfig(chat.Config)
	if err != nil {
		return nil, err
	}
	path, responses := "/chat/completions", c.byResponses(chat)
	if responses {
		path = "/responses"
	}
	request, err := c.request(host, "POST", path)
	if err != nil {
		return nil, err
	}
	plan := &wit.ProviderPlan{Request: request, Framing: wit.FramingSSE}
	request.Embed, request.Timeout = embedded(chat), c.timeout*1000
	request.Headers = append(request.Headers, wit.Header{Name: "Accept", Value: "text/event-stream"})
	names := toolname.New(chat)
	if c.pictures {
		plan.Files = pictureFields(responses)
	}
	if responses {
		request.JSON, err = c.itemsBody(chat, names)
		plan.State = (&response{names: names.Back(chat.Tools)}).JSON()
		return plan, err
	}
	request.JSON = c.body(chat, names)
	first := &state{names: names.Back(chat.Tools)}
	if c.opens(chat) {
		first.tags.Where = thinktag.Opened
	}
	if len(first.names) > 0 || first.tags.Where != thinktag.Before {
		plan.State = first.JSON()
	}
	return plan, nil
}
