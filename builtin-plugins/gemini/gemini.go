// Package gemini is a model provider for Google's Gemini API, in its own form: the methods streamGenerateContent,
// batchEmbedContents and models.list of generativelanguage.googleapis.com.
//
// It turns a chat into a request (request.go, contents.go, schema.go, thinking.go) and what comes of the stream into text,
// thinking, tool calls and usage (stream.go, parts.go). The gateway makes the request and fills in the key. What the model
// has signed goes back on exactly the part that it came with (opaque.go): Gemini 3 refuses a conversation otherwise. Pictures are taken out of the stream by the gateway, which gives their ids. The
// beginning of a request is the same from turn to turn, so that Google's implicit cache is hit.
package gemini

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider speaks the Gemini API. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
	_ provider.Embedder = Provider{}
)

// Request plans the request that a chat is answered with.
func (Provider) Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	c, err := newConfig(chat.Config)
	if err != nil {
		return nil, err
	}
	model := c.modelOf(chat.Model)
	request, err := c.request(host, "POST", "/"+resource(model)+":streamGenerateContent?alt=sse")
	if err != nil {
		return nil, err
	}
	names := toolname.New(chat)
	request.JSON, request.Embed = c.body(chat, model, names), embedded(chat)
	request.Timeout = c.timeout * 1000
	plan := &wit.ProviderPlan{Request: request, Framing: wit.FramingSSE}
	if c.draws(model) {
		plan.Files = []string{"inlineData.data"}
	}
	if own := names.Back(chat.Tools); len(own) > 0 {
		plan.State = (&state{names: own}).JSON()
	}
	return plan, nil
}
