package agent

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Providers are the plugins that speak to language models.
type Providers interface {
	// Providers lists them. It loads no code.
	Providers() []ProviderInfo
	// Provider finds one; false while it cannot be called.
	Provider(id string) (Provider, bool)
}

// ProviderInfo is what is known of a provider without its code.
type ProviderInfo struct {
	ID    string
	Facts wit.ProviderFacts
	// Settings are what the owner says of it, a JSON object, and Credentials how many it was given. Offline
	// ones need neither.
	Settings    wit.JSON
	Credentials int
}

// configured reports whether the provider can be expected to answer: the owner has said something of it or
// given it a credential, or it needs neither.
// Two bytes are an empty object. Whether a credential is right, only the provider can say.
func (p ProviderInfo) configured() bool {
	return configured(p.Facts.Offline, p.Settings, p.Credentials)
}

func configured(ready bool, settings wit.JSON, credentials int) bool {
	return ready || len(settings) > len("{}") || credentials > 0
}

// Provider is a provider's code, and the network under its permissions.
type Provider interface {
	Codec
	Network
}

// Codec is the plugin. Implementations fill in the configuration. Errors are coded.
type Codec interface {
	Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error)
	Chunk(ctx context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error)
	Models(ctx context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error)
}

// Network makes a provider's requests.
type Network interface {
	// Stream returns when the response begins; the caller closes its body.
	Stream(ctx context.Context, r *wit.HTTPRequest) (*egress.Response, error)
	Do(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
}

// Tools are what the model may call.
type Tools interface {
	// Tools lists the definitions in a stable order. It loads no code.
	Tools() []wit.ToolDefinition
	// Tool finds one by its name.
	Tool(name string) (Tool, bool)
}

// Tool is one tool's code.
type Tool interface {
	Definition() wit.ToolDefinition
	// Invoke calls it. Implementations fill in the configuration, and fail with CodeInvalid, naming the
	// field, before the call when the arguments do not fit the definition's schema. Until Invoke returns, tell gets what
	// the tool says of its progress: bounded, one text after the other, and not by the goroutine that waits for Invoke.
	// Its context ends with the call.
	Invoke(ctx context.Context, call *wit.ToolInvocation, tell func(ctx context.Context, text string)) (*wit.ToolOutput, error)
}

// Typing shows in a conversation that an answer is on its way.
type Typing interface {
	Typing(ctx context.Context, at message.Account, to wit.Conversation) error
}

// allowed are the tools that a run may use: all if names is nil.
func allowed(tools Tools, names []string) Tools {
	if names == nil {
		return tools
	}
	return restricted{tools, names}
}

// restricted are those of the tools that have one of the names.
type restricted struct {
	all   Tools
	names []string
}

func (r restricted) Tools() []wit.ToolDefinition {
	return slices.DeleteFunc(slices.Clone(r.all.Tools()), func(d wit.ToolDefinition) bool { return !slices.Contains(r.names, d.Name) })
}

func (r restricted) Tool(name string) (Tool, bool) {
	if !slices.Contains(r.names, name) {
		return nil, false
	}
	return r.all.Tool(name)
}
