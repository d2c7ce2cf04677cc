package turn

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// chosen is the model that answers a run.
type chosen struct {
	provider, model string
	context         uint32 // tokens
	code            Provider
}

// choose finds the run's model: the run's own, the session's, the agent's, the default, or what the
// first provider offers. Errors: CodeUnavailable when there is none, or it cannot be called.
func (t *turn) choose(ctx context.Context) (chosen, error) {
	name := t.run.Model
	if name == "" {
		name = t.entry.Model
	}
	c, err := t.pick(name, t.run.Session.Agent())
	if err != nil {
		return c, err
	}
	code, ok := t.Providers.Provider(c.provider)
	if !ok {
		return c, wit.Errorf(wit.CodeUnavailable, "the provider %s cannot be called now: see whether its plugin runs", c.provider)
	}
	c.code = code
	c.context = t.contextOf(ctx, c.provider, c.model)
	return c, nil
}

// pick names the model behind name, or the default one when name is empty.
func (s *Service) pick(name, agent string) (chosen, error) {
	settings := s.Settings()
	if name == "" {
		name = settings.agent(agent).Model
	}
	if name == "" {
		name = settings.Model
	}
	all := s.Providers.Providers()
	if name != "" {
		return named(all, name)
	}
	var offline *ProviderInfo
	for i, p := range all {
		switch {
		case p.Facts.Offline:
			if offline == nil {
				offline = &all[i]
			}
		case p.Configured:
			return first(p), nil
		}
	}
	if offline == nil {
		return chosen{}, wit.NewError(wit.CodeUnavailable, "no model provider is configured: configure one, or enable the offline one")
	}
	return first(*offline), nil
}

func first(p ProviderInfo) chosen {
	c := chosen{provider: p.ID}
	if p.Facts.DefaultModel != nil {
		c.model = *p.Facts.DefaultModel
	}
	return c
}

// named reads provider/model, a provider's id alone, or the id of a model of the only provider there is.
func named(all []ProviderInfo, name string) (chosen, error) {
	provider, model, qualified := strings.Cut(name, "/")
	var ids []string
	for _, p := range all {
		if p.ID == provider {
			c := first(p)
			if qualified && model != "" {
				c.model = model
			}
			return c, nil
		}
		ids = append(ids, p.ID)
	}
	return chosen{}, wit.Errorf(wit.CodeInvalid, "there is no provider for the model %.80q: name it provider/model, with one of %s", name, strings.Join(ids, ", "))
}

func (c chosen) String() string {
	if c.model == "" {
		return c.provider
	}
	return c.provider + "/" + c.model
}

// CheckModel returns the full name of a model that can be chosen, or CodeInvalid.
func (s *Service) CheckModel(_ context.Context, name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 200 {
		return "", wit.NewError(wit.CodeInvalid, "a model is named provider/model, in at most 200 characters")
	}
	c, err := named(s.Providers.Providers(), name)
	return c.String(), err
}

// Defaults returns what answers where a session makes no choice.
func (s *Service) Defaults(ctx context.Context) session.Defaults {
	c, err := s.pick("", "")
	if err != nil {
		return session.Defaults{}
	}
	return session.Defaults{ModelProvider: c.provider, Model: c.model, ContextTokens: s.contextOf(ctx, c.provider, c.model)}
}
