package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// choice is a model of a provider. An empty model is the provider's default.
type choice struct{ provider, model string }

func (c choice) String() string { return session.ModelName(c.provider, c.model) }

// opened is a chosen model that can be asked.
type opened struct {
	choice
	context uint32 // tokens
	code    Provider
}

// open finds the code behind name, or behind the agent's default when name is empty. Errors:
// CodeUnavailable when there is none, or it cannot be called.
// The choice is returned beside an error too, so that a failed run can say which model it was for.
func (m *Models) open(name, agent string) (opened, error) {
	c, err := m.choose(name, agent)
	if err != nil {
		return opened{choice: c}, err
	}
	code, ok := m.providers.Provider(c.provider)
	if !ok {
		return opened{choice: c}, wit.Errorf(wit.CodeUnavailable, "the provider %s cannot be called now: see whether its plugin runs", c.provider)
	}
	return opened{c, m.contextOf(c.provider, c.model), code}, nil
}

// choose names the model behind name; else the agent's, the default one, or what the first provider offers.
// A name that was configured and cannot be found is an error and not replaced by another model, which might cost
// more or send the conversation to somebody else.
func (m *Models) choose(name, agent string) (choice, error) {
	settings := m.settings()
	if name == "" {
		name = settings.Agent(agent).Model
	}
	if name == "" {
		name = settings.Model
	}
	if name != "" {
		return m.named(m.Providers(), name)
	}
	if p, ok := m.firstConfigured(); ok {
		return m.first(p), nil
	}
	return choice{}, wit.NewError(wit.CodeUnavailable, "no model provider is configured: configure one, or enable the offline one")
}

// offline reports whether a provider answers without a model.
func (m *Models) offline(id string) bool {
	return slices.ContainsFunc(m.providers.Providers(), func(p ProviderInfo) bool { return p.ID == id && p.Facts.Offline })
}

// first is what a provider offers where no model is named: the model of its settings, by the convention that a field
// of that name is its own default, or the one of its manifest.
func (m *Models) first(p ProviderInfo) choice {
	c := choice{p.ID, m.listing(p.ID).own(p.Settings)}
	if c.model == "" && p.Facts.DefaultModel != nil {
		c.model = *p.Facts.DefaultModel
	}
	return c
}

// named reads provider/model, or a provider's id alone.
func (m *Models) named(all []ProviderInfo, name string) (choice, error) {
	provider, model, _ := strings.Cut(name, "/")
	var ids []string
	for _, p := range all {
		if p.ID == provider {
			c := m.first(p)
			if model != "" {
				c.model = model
			}
			return c, nil
		}
		ids = append(ids, p.ID)
	}
	return choice{}, wit.Errorf(wit.CodeInvalid, "there is no provider for the model %.80q: name it provider/model, with one of %s", name, strings.Join(ids, ", "))
}

// Check returns the full name of a model that can be chosen, or CodeInvalid. A model may be named without its
// provider, as models.list shows it.
// Of a name with a provider it is not asked whether the provider has the model: its list may be incomplete, and
// asking takes time.
func (m *Models) Check(ctx context.Context, name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 200 {
		return "", wit.NewError(wit.CodeInvalid, "a model is named provider/model, in at most 200 characters")
	}
	c, err := m.named(m.Providers(), name)
	if err == nil {
		return c.String(), nil
	}
	for _, p := range m.Configured() {
		if m.lists(ctx, p, name) {
			return session.ModelName(p.ID, name), nil
		}
	}
	return "", err
}

// lists reports whether a provider has a model of this id.
func (m *Models) lists(ctx context.Context, p ProviderInfo, id string) bool {
	if m.first(p).model == id {
		return true
	}
	models, _ := m.List(ctx, p.ID, false) // what was known before is there beside an error
	return slices.ContainsFunc(models, func(x wit.Model) bool { return x.ID == id })
}

// Primary returns what answers for an agent where a session makes no choice, as provider/model; "" if nothing
// can.
func (m *Models) Primary(agent string) string {
	c, _ := m.choose("", agent) // the zero choice beside an error
	return c.String()
}

// Defaults returns what answers where a session makes no choice; the zero value if nothing can.
func (m *Models) Defaults(context.Context) session.Defaults {
	c, err := m.choose("", "")
	if err != nil {
		return session.Defaults{}
	}
	return session.Defaults{ModelProvider: c.provider, Model: c.model, ContextTokens: m.contextOf(c.provider, c.model)}
}

// check is the doctor's look at whether anything can answer.
func (m *Models) check(ctx context.Context) service.Check {
	d := m.Defaults(ctx)
	if d.ModelProvider == "" {
		return service.Check{
			Name: "model", Message: "no provider can answer",
			Hint: "enable one with `carapace plugins enable`, or set one up with `carapace setup`",
		}
	}
	return service.Check{Name: "model", OK: true, Message: d.Name()}
}
