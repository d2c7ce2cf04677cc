package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// choice is a model of a provider. An empty model is the provider's default.
type choice struct{ provider, model string }

func (c choice) String() string { return session.ModelName(c.provider, c.model) }

// opened is a chosen model that can be asked.
type opened struct {
	seat
	context uint32 // tokens
	code    Provider
}

// wanted says which model is to answer: the one of a name, or what is configured for where something was said, and for the
// agent.
type wanted struct{ name, agent, channel, account string }

// wantedAt is what answers for an agent what was said somewhere, unless name is one.
func wantedAt(name, agent string, from message.Origin) wanted {
	return wanted{name, agent, from.Channel, from.Account}
}

// openSeat finds the code behind one who may answer. Errors: CodeUnavailable; the seat is returned beside it too, so that a failed
// run can say which model it was for.
func (m *Models) openSeat(s seat) (opened, error) {
	o := opened{seat: s}
	code, err := m.code(s.provider, s.key)
	if err != nil {
		return o, err
	}
	o.context, o.code = m.contextOf(s.provider, s.model), code
	return o, nil
}

// code finds the code of a provider that is asked by a key. Errors: CodeUnavailable.
func (m *Models) code(provider, key string) (Provider, error) {
	code, ok := m.providers.Provider(provider)
	if !ok {
		return nil, wit.Errorf(wit.CodeUnavailable, "the provider %s cannot be called now: see whether its plugin runs", provider)
	}
	if k, ok := code.(Keyed); ok && key != "" {
		return k.With(key), nil
	}
	return code, nil
}

// choose names the model that is to answer, the first of the chain.
func (m *Models) choose(w wanted) (choice, error) {
	return m.meant(m.settings().chain(w)[0])
}

// meant finds the model of a name, or the one that is configured first where there is none.
func (m *Models) meant(name string) (choice, error) {
	if name != "" {
		return m.named(m.Providers(), name)
	}
	if p, ok := m.firstConfigured(); ok {
		return m.first(p), nil
	}
	return choice{}, wit.NewError(wit.CodeUnavailable, "no model provider is configured: configure one, or enable the offline one")
}

// chain names who may answer, at least one. Errors: CodeInvalid where the first cannot be found, and CodeUnavailable where nobody is
// configured: that is for the owner to mend. Of the others those that cannot be found are passed over, and the doctor names
// them.
func (m *Models) chain(w wanted) (list []choice, err error) {
	for i, name := range m.settings().chain(w) {
		c, err := m.meant(name)
		if err != nil && i == 0 {
			return nil, err
		}
		if err == nil && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list, nil
}

// lost are why fallbacks of the default chain cannot be asked.
func (m *Models) lost() (why []string) {
	for _, name := range m.settings().chain(wanted{})[1:] {
		if _, err := m.meant(name); err != nil {
			why = append(why, publicText(err))
		}
	}
	return why
}

// offline reports whether a provider answers without a model.
func (m *Models) offline(id string) bool {
	for p := range m.providers.Providers() {
		if p.ID == id {
			return p.Facts.Offline
		}
	}
	return false
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

// named reads an alias, provider/model, or a provider's id alone.
func (m *Models) named(all []ProviderInfo, name string) (choice, error) {
	provider, model, _ := strings.Cut(m.settings().full(name), "/")
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

// Check returns the full name of a model that can be chosen, or CodeInvalid. A model may be named by an alias, or without its
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
	c, _ := m.choose(wanted{agent: agent}) // the zero choice beside an error
	return c.String()
}

// Fallbacks returns those that are asked in its place, in order.
func (m *Models) Fallbacks(agent string) (names []string) {
	list, _ := m.chain(wanted{agent: agent}) // none beside an error
	for _, c := range list[min(1, len(list)):] {
		names = append(names, c.String())
	}
	return names
}

// Defaults returns what answers where a session makes no choice; the zero value if nothing can.
func (m *Models) Defaults(context.Context) session.Defaults {
	c, err := m.choose(wanted{})
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
	if lost := m.lost(); len(lost) > 0 {
		return service.Check{Name: "model", OK: true, Warning: true, Message: d.Name() + "; a fallback is never asked: " + strings.Join(lost, "; "), Hint: "correct agents.defaults.model in the settings"}
	}
	if rest := m.notices(); len(rest) > 0 {
		return service.Check{
			Name: "model", OK: true, Warning: true, Message: d.Name() + "; " + strings.Join(rest, "; "),
			Hint: "`carapace models test` asks all the same, and says what is wrong",
		}
	}
	return service.Check{Name: "model", OK: true, Message: d.Name()}
}
