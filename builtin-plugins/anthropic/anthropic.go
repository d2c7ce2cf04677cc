// Package anthropic is a model provider for Claude by the Messages API, of Anthropic and of everything that speaks it.
//
// It turns a chat into a request (request.go, message.go, tools.go) and what comes of the stream into text, thinking, tool
// calls and usage (stream.go, block.go). What a model can do is known by its name, and so is how it is told how much to think
// (package claude). Its thinking is signed, and goes back as it came (opaque.go). What of a stream has to be known
// later travels in the state from one chunk to the next (state.go).
//
// Facts about the API are from platform.claude.com/docs: the API reference of Messages, Models and Errors, and the pages on
// streaming, thinking, preserved thinking, effort, structured outputs, tool use and prompt caching.
package anthropic

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider speaks the Messages API. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
)

// Request plans the request that a chat is answered with.
func (Provider) Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	c, err := newConfig(chat.Config)
	if err != nil {
		return nil, err
	}
	q := newQuestion(c, chat, toolname.New(chat))
	request, err := c.request(host, "POST", "/v1/messages", q.betas()...)
	if err != nil {
		return nil, err
	}
	request.JSON, request.Embed = q.body(), q.embedded
	request.Timeout = c.timeout * 1000
	request.Headers = append(request.Headers, wit.Header{Name: "Accept", Value: "text/event-stream"})
	plan := &wit.ProviderPlan{Request: request, Framing: wit.FramingSSE}
	first := &state{names: q.names.Back(chat.Tools), answerTool: q.answerTool()}
	if len(first.names) > 0 || first.answerTool != "" {
		plan.State = first.JSON()
	}
	return plan, nil
}
