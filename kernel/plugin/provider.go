package plugin

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Provider is a plugin's handle as a provider of language models. Its calls compute; the requests that it
// asks for are made by Do and Stream. Errors are as for Channel.
type Provider struct {
	handle
	account string // whose credentials are used
}

// As returns the provider with the credentials of an account, and those of the plugin where the account has none.
func (p *Provider) As(account string) *Provider { return &Provider{p.handle, account} }

// Provider returns a provider by its plugin's id, or CodeNotFound. It loads no code.
func (r *Registry) Provider(id string) (*Provider, error) {
	if !r.table.offers.Load().has("provider", id) {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no provider %s: install the plugin, or correct the name", id)
	}
	return &Provider{handle: handle{r.versions, id}}, nil
}

// Providers lists the providers that can be called, by id.
func (r *Registry) Providers() []*Provider {
	ids := r.table.offers.Load().plugins["provider"]
	list := make([]*Provider, len(ids))
	for i, id := range ids {
		list[i] = &Provider{handle: handle{r.versions, id}}
	}
	return list
}

// Facts returns what the provider is; the zero value once the plugin is gone.
func (p *Provider) Facts() *wit.ProviderFacts {
	if m := p.manifest(); m != nil && m.Provides.Provider != nil {
		return m.Provides.Provider
	}
	return &wit.ProviderFacts{}
}

// Request plans how a chat is answered.
func (p *Provider) Request(ctx context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
	own := *c
	if err := p.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	plan, err := call[wit.ProviderPlan](ctx, p.versions, p.id, request{export: "provider_request", account: p.account}, &own)
	if plan != nil && err == nil {
		err = p.mayMake(len(plan.Files) > 0 || plan.Answer != nil && len(plan.Answer.Files) > 0)
	}
	return plan, err
}

// Chunk reads what has arrived of the response.
func (p *Provider) Chunk(ctx context.Context, c *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	answer, err := call[wit.ProviderAnswer](ctx, p.versions, p.id, request{export: "provider_chunk", account: p.account}, c)
	if answer != nil && err == nil {
		err = p.mayMake(len(answer.Files) > 0)
	}
	return answer, err
}

// mayMake refuses files of a plugin that has not the permission to keep any.
func (p *Provider) mayMake(files bool) error {
	if m := p.manifest(); files && (m == nil || m.Permissions.Media == nil) {
		return wit.Errorf(wit.CodeForbidden, "plugin %s has files in its answer, and not the permission media: add it to its manifest", p.id)
	}
	return nil
}

// Models asks for the list of models, or for the request whose response lists them. CodeNotFound when
// the provider has no such list.
func (p *Provider) Models(ctx context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	own := *q
	if err := p.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.ModelsAnswer](ctx, p.versions, p.id, request{export: "provider_models", account: p.account}, &own)
}

// Embeddings asks for vectors of texts, or for the request whose response has them. CodeNotFound when the provider makes none.
func (p *Provider) Embeddings(ctx context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	own := *q
	if err := p.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.EmbeddingAnswer](ctx, p.versions, p.id, request{export: "provider_embeddings", account: p.account}, &own)
}

// Pull plans how a model is fetched, and then reads what has arrived. CodeNotFound when the provider fetches none.
func (p *Provider) Pull(ctx context.Context, q *wit.PullQuery) (*wit.PullAnswer, error) {
	own := *q
	if err := p.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.PullAnswer](ctx, p.versions, p.id, request{export: "provider_pull", account: p.account}, &own)
}

// Do makes a request that the provider asked for, with the plugin's credentials.
func (p *Provider) Do(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return p.handle.Do(ctx, p.account, req)
}

// Stream is Do for a response that is read as it comes; the caller closes its body.
func (p *Provider) Stream(ctx context.Context, req *wit.HTTPRequest) (*egress.Response, error) {
	return p.stream(ctx, p.account, req, 0)
}

// StreamSlow is Stream for a response that may say nothing for as long as silence.
func (p *Provider) StreamSlow(ctx context.Context, req *wit.HTTPRequest, silence time.Duration) (*egress.Response, error) {
	return p.stream(ctx, p.account, req, silence)
}
