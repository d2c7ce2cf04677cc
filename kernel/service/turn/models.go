package turn

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// How long a provider's list of models, or its failure to give one, is believed.
const (
	keepModels   = 10 * time.Minute
	keepFailure  = 30 * time.Second
	listTimeout  = 15 * time.Second
	maxModels    = 2000
	maxModelName = 200
)

// catalogue remembers what models the providers have. The zero value is ready.
type catalogue struct {
	mu sync.Mutex
	by map[string]*listing
}

// listing is one provider's models. Its mutex is held while they are asked for, so that they are asked
// for once.
type listing struct {
	asking sync.Mutex

	mu     sync.Mutex
	models []wit.Model
	err    error
	until  time.Time
}

func (c *catalogue) listing(provider string) *listing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]*listing{}
	}
	l := c.by[provider]
	if l == nil {
		l = &listing{}
		c.by[provider] = l
	}
	return l
}

// ProviderChanged forgets what is known of a provider's models: its settings, credentials or code are
// others now. It returns at once.
func (s *Service) ProviderChanged(id string) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	delete(s.catalog.by, id)
}

func (l *listing) known() (models []wit.Model, err error, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.models, l.err, time.Now().Before(l.until)
}

// modelsOf returns a provider's models, from memory if they are fresh and refresh is false.
func (s *Service) modelsOf(ctx context.Context, provider string, refresh bool) ([]wit.Model, error) {
	l := s.catalog.listing(provider)
	if models, err, fresh := l.known(); fresh && !refresh {
		return models, err
	}
	l.asking.Lock()
	defer l.asking.Unlock()
	if models, err, fresh := l.known(); fresh && !refresh {
		return models, err
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	models, err := s.listModels(ctx, provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err, l.until = err, time.Now().Add(keepFailure)
		return l.models, err
	}
	l.models, l.err, l.until = models, nil, time.Now().Add(keepModels)
	return models, nil
}

func (s *Service) listModels(ctx context.Context, provider string) ([]wit.Model, error) {
	p, ok := s.Providers.Provider(provider)
	if !ok {
		return nil, wit.Errorf(wit.CodeUnavailable, "the provider %s cannot be called now", provider)
	}
	a, err := p.Models(ctx, &wit.ModelsQuery{})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil // it has no list: its default model is all that is known
	}
	if err != nil {
		return nil, err
	}
	if a != nil && a.Request != nil {
		res, err := p.Do(ctx, a.Request)
		if err != nil {
			return nil, err
		}
		if a, err = p.Models(ctx, &wit.ModelsQuery{Response: res}); err != nil {
			return nil, err
		}
	}
	if a == nil || a.Request != nil {
		return nil, wit.Errorf(wit.CodeInternal, "the provider %s lists no models: report it to its author", provider)
	}
	models := slices.DeleteFunc(slices.Clone(a.Models), func(m wit.Model) bool { return m.ID == "" || len(m.ID) > maxModelName })
	return models[:min(len(models), maxModels)], nil
}

// contextOf returns how many tokens a model reads. What is not known yet is found out in the background
// and assumed until then.
func (s *Service) contextOf(_ context.Context, provider, model string) uint32 {
	models, _, fresh := s.catalog.listing(provider).known()
	if !fresh {
		s.background(func(ctx context.Context) {
			if _, err := s.modelsOf(ctx, provider, false); err != nil && ctx.Err() == nil {
				s.Log.Debug("a provider's models could not be listed", "provider", provider, "error", err)
			}
		})
	}
	for _, m := range models {
		if m.ID == model && m.ContextWindow > 0 {
			return m.ContextWindow
		}
	}
	if n := s.Settings().ContextTokens; n > 0 {
		return n
	}
	return defaultContext
}

// background runs fn within Run, and not at all outside it.
func (s *Service) background(fn func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx := s.ctx; ctx != nil && ctx.Err() == nil {
		s.wg.Go(func() { fn(ctx) })
	}
}

// ModelChoice is a model as models.list shows it.
type ModelChoice struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Provider      string   `json:"provider"`
	Available     bool     `json:"available"`
	ContextWindow uint32   `json:"contextWindow,omitempty"`
	Reasoning     bool     `json:"reasoning,omitempty"`
	SupportsTools bool     `json:"supportsTools,omitempty"`
	Input         []string `json:"input"`
}

type modelsListParams struct {
	AgentID                     string `json:"agentId"`
	IncludeProviderCapabilities bool   `json:"includeProviderCapabilities"`
	PreparedOnly                bool   `json:"preparedOnly"`
	Refresh                     bool   `json:"refresh"`
	View                        string `json:"view"`
}

type modelsListResult struct {
	Models           []ModelChoice     `json:"models"`
	ProviderOutcomes []providerOutcome `json:"providerOutcomes"`
}

type providerOutcome struct {
	Provider string `json:"provider"`
	// Status is ready, auth-rejected or unavailable.
	Status string `json:"status"`
}

// listAllModels asks the configured providers at the same time. One that fails is told of, and its
// default model is listed as not available.
func (s *Service) listAllModels(ctx context.Context, p modelsListParams) (modelsListResult, error) {
	res := modelsListResult{Models: []ModelChoice{}, ProviderOutcomes: []providerOutcome{}}
	infos := slices.DeleteFunc(slices.Clone(s.Providers.Providers()), func(i ProviderInfo) bool {
		return !i.Configured && !i.Facts.Offline
	})
	found := make([][]ModelChoice, len(infos))
	outcomes := make([]providerOutcome, len(infos))
	var wg sync.WaitGroup
	for i, info := range infos {
		wg.Go(func() { found[i], outcomes[i] = s.choices(ctx, info, p.Refresh) })
	}
	wg.Wait()
	for i := range infos {
		res.Models = append(res.Models, found[i]...)
	}
	res.ProviderOutcomes = append(res.ProviderOutcomes, outcomes...)
	return res, nil
}

func (s *Service) choices(ctx context.Context, info ProviderInfo, refresh bool) ([]ModelChoice, providerOutcome) {
	outcome := providerOutcome{info.ID, "ready"}
	models, err := s.modelsOf(ctx, info.ID, refresh)
	if err != nil {
		outcome.Status = "unavailable"
		if c := wit.CodeOf(err); c == wit.CodeUnauthorized || c == wit.CodeForbidden {
			outcome.Status = "auth-rejected"
		}
	}
	if len(models) == 0 && info.Facts.DefaultModel != nil {
		models = []wit.Model{{ID: *info.Facts.DefaultModel}}
	}
	var out []ModelChoice
	for _, m := range models {
		c := ModelChoice{ID: m.ID, Name: m.Name, Provider: info.ID, Available: err == nil, ContextWindow: m.ContextWindow,
			Reasoning: m.Reasoning, SupportsTools: m.Tools, Input: []string{"text"}}
		if c.Name == "" {
			c.Name = m.ID
		}
		if m.Images {
			c.Input = append(c.Input, "image")
		}
		out = append(out, c)
	}
	return out, outcome
}
