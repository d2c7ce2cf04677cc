package agent

import (
	"context"
	"iter"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Providers are the plugins that speak to language models.
type Providers interface {
	// Providers gives them in turn. It loads no code.
	Providers() iter.Seq[ProviderInfo]
	// Provider finds one; false while it cannot be called.
	Provider(id string) (Provider, bool)
}

// ProviderInfo is what is known of a provider without its code.
type ProviderInfo struct {
	ID string
	// Facts are never nil, and nobody changes them.
	Facts *wit.ProviderFacts
	// Settings are what the owner says of it, a JSON object, and Credentials how many it was given. Offline
	// ones need neither.
	Settings    wit.JSON
	Credentials int
}

// Keyring is Providers of which some can be asked with several keys.
type Keyring interface {
	// Keys lists those of a provider, in a stable order; none is one without a name.
	Keys(provider string) []Key
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

// Keyed is a Provider that can be asked with one of several keys.
type Keyed interface {
	// With returns the provider with the credentials of one of its accounts.
	With(key string) Provider
}

// Puller is a Provider that may be able to fetch models.
type Puller interface {
	// Pull fails with CodeNotFound where it fetches none.
	Pull(ctx context.Context, q *wit.PullQuery) (*wit.PullAnswer, error)
	// StreamSlow is Stream for a response that may say nothing for as long as silence.
	StreamSlow(ctx context.Context, r *wit.HTTPRequest, silence time.Duration) (*egress.Response, error)
}

// Codec is the plugin. Implementations fill in the configuration. Errors are coded.
type Codec interface {
	Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error)
	Chunk(ctx context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error)
	Models(ctx context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error)
	// Embeddings fails with CodeNotFound where the provider makes none.
	Embeddings(ctx context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error)
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

// Texts are what the owner, or a client, has written for the prompts of agents.
type Texts interface {
	// Texts returns those of an agent, in their order; those about the owner only if private ones are wanted. Errors: the
	// store's.
	Texts(ctx context.Context, agent string, private bool) ([]Text, error)
}

// Text is one of them.
type Text struct{ Name, Content string }

// noTexts are those of a gateway that keeps none.
type noTexts struct{}

func (noTexts) Texts(context.Context, string, bool) ([]Text, error) { return nil, nil }
