// Package bedrock is a model provider for Amazon Bedrock: the method ConverseStream, which is the same for the models of all
// makers there.
//
// It turns a chat into a request (request.go, messages.go), which the gateway signs with the owner's keys, and the packets
// of the answer's event stream (packet.go) into text, thinking, tool calls and usage (stream.go). Reasoning that is signed
// goes back with the tools that it called (reasoning.go), and models keep what requests begin with (cache.go).
package bedrock

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider speaks to Bedrock. The zero value is ready to use.
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
	model := chat.Model
	if model == "" {
		model = c.model
	}
	if model == "" {
		return nil, wit.NewError(wit.CodeInvalid, "bedrock: name a model, such as bedrock/us.amazon.nova-pro-v1:0")
	}
	request, err := c.request(host, "POST", c.runtime+"/model/"+form.Escape(model)+"/converse-stream")
	if err != nil {
		return nil, err
	}
	names := toolname.New(chat)
	q := newQuestion(c, chat, model, names)
	request.JSON, request.Embed, request.Timeout = q.body(), q.embedded(), c.timeout*1000
	request.Headers = append(request.Headers, wit.Header{Name: "Accept", Value: "application/vnd.amazon.eventstream"})
	plan := &wit.ProviderPlan{
		Request: request, Framing: wit.FramingPackets,
		Length: &wit.LengthPrefix{Form: wit.LengthFormFourBytes, Whole: true},
	}
	if own := names.Back(chat.Tools); len(own) > 0 {
		plan.State = (&state{names: own}).JSON()
	}
	return plan, nil
}
