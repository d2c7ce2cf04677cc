package wizard

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/wit"
)

// Plugin is one that can be set up.
type Plugin struct {
	ID, Name, Description string
	// Channel is a chat platform's; Provider offers models.
	Channel, Provider bool
	Fields            []form.Field
}

// Setup is what was answered for a plugin. It is kept, and tried, as a whole.
type Setup struct {
	ID, Account, DMPolicy string
	Config                wit.JSON
	Secrets               map[string]string
}

// Gateway is what a wizard asks of it.
type Gateway interface {
	// Plugins lists what can be set up.
	Plugins() ([]Plugin, error)
	// Configure keeps a setup if it works, and says which models a provider lists. Errors say what does not work.
	Configure(ctx context.Context, s Setup) (models []string, err error)
	// Model is who answers now, "" for nobody.
	Model(ctx context.Context) string
}

// walk is the way through one wizard.
type walk struct {
	gateway  Gateway
	accounts []Account // connected
}

// next is what comes after something.
type next func(ctx context.Context) (*asked, error)

func end(context.Context) (*asked, error) { return nil, nil }

// begin is the first run: a model, then a chat account.
func (w *walk) begin(ctx context.Context) (*asked, error) {
	now := w.gateway.Model(ctx)
	if now == "" {
		now = "Nobody"
	}
	return w.pick("A model", now+" answers now. Who shall?", func(p Plugin) bool { return p.Provider && len(p.Fields) > 0 }, func(context.Context) (*asked, error) {
		return confirm("A chat account", "Connect an account of a chat platform?", true, func(ctx context.Context, yes bool) (*asked, error) {
			if !yes {
				return nil, nil
			}
			return w.channel(ctx, "")
		}), nil
	})
}

// channel connects an account of a channel, which is asked for where none is named. Errors: CodeNotFound.
func (w *walk) channel(ctx context.Context, id string) (*asked, error) {
	if id == "" {
		return w.pick("A chat account", "On which platform?", func(p Plugin) bool { return p.Channel }, end)
	}
	all, err := w.gateway.Plugins()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID == id && p.Channel {
			return w.plugin(ctx, p, end)
		}
	}
	return nil, wit.Errorf(wit.CodeNotFound, "there is no channel %.64q: `carapace plugins list` shows what there is", id)
}

// pick asks for one of the plugins that are meant, and sets it up; none goes on.
func (w *walk) pick(title, message string, meant func(Plugin) bool, then next) (*asked, error) {
	all, err := w.gateway.Plugins()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p Plugin) bool { return !meant(p) })
	options := []Option{{"", "As it is", ""}}
	for _, p := range all {
		options = append(options, Option{p.ID, p.Name, p.Description})
	}
	return choose(title, message, options, "", func(ctx context.Context, id string) (*asked, error) {
		for _, p := range all {
			if p.ID == id {
				return w.plugin(ctx, p, then)
			}
		}
		return then(ctx)
	}), nil
}

// plugin asks for a plugin's settings: what is needed, and where somebody wants it or nothing is, the rest.
func (w *walk) plugin(_ context.Context, p Plugin, then next) (*asked, error) {
	required, others := form.Ask(p.Fields)
	got := newAnswers()
	keep := func() (*asked, error) { return w.access(p, got, then), nil }
	if len(required) == 0 {
		return askEach(p.Name, others, got.keep, keep)
	}
	return askEach(p.Name, required, got.keep, func() (*asked, error) {
		if len(others) == 0 {
			return keep()
		}
		return confirm(p.Name, "Everything else has a default: "+form.Names(others)+". Change some of it?", false, func(_ context.Context, yes bool) (*asked, error) {
			if !yes {
				return keep()
			}
			return askEach(p.Name, others, got.keep, keep)
		}), nil
	})
}

// access asks who may write to an account, and has all of it kept.
func (w *walk) access(p Plugin, got *answers, then next) *asked {
	if !p.Channel {
		return confirm(p.Name, "Keep that, and try whether it works?", true, func(ctx context.Context, yes bool) (*asked, error) {
			if !yes {
				return then(ctx)
			}
			return w.send(ctx, p, got, "", then)
		})
	}
	return choose(p.Name, "Who may write to the account?", []Option{
		{"pairing", "Whom you approve", "others get a code, which you approve"},
		{"allowlist", "Whom you list", "others get no answer"},
		{"open", "Everybody", "everybody may have the model answer"},
		{"disabled", "Nobody", "it is for groups, and for what is sent"},
	}, "pairing", func(ctx context.Context, policy string) (*asked, error) { return w.send(ctx, p, got, policy, then) })
}

// send has a setup kept and tried. What does not work can be answered again.
func (w *walk) send(ctx context.Context, p Plugin, got *answers, policy string, then next) (*asked, error) {
	s := Setup{ID: p.ID, DMPolicy: policy, Secrets: got.secrets}
	if p.Channel {
		s.Account = "default"
	}
	if len(got.values) > 0 {
		config, err := json.Marshal(got.values)
		if err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "write the settings of %s: %w", p.ID, err)
		}
		s.Config = config
	}
	models, err := w.gateway.Configure(ctx, s)
	if err != nil {
		return confirm(p.Name, wit.AsError(err).Message+"\nTry it again?", true, func(ctx context.Context, yes bool) (*asked, error) {
			if !yes {
				return then(ctx)
			}
			return w.plugin(ctx, p, then)
		}), nil
	}
	if p.Channel {
		w.accounts = append(w.accounts, Account{p.ID, s.Account})
	}
	i := slices.IndexFunc(p.Fields, func(f form.Field) bool { return f.Name == form.Model })
	if i < 0 || len(models) == 0 {
		return then(ctx)
	}
	return w.model(p, models, then), nil
}

// model asks which of the models that a provider lists is to answer.
func (w *walk) model(p Plugin, models []string, then next) *asked {
	options := []Option{{"", "As it is", ""}}
	for _, m := range models {
		options = append(options, Option{m, m, ""})
	}
	return choose(p.Name, "Which model?", options, "", func(ctx context.Context, model string) (*asked, error) {
		if model == "" {
			return then(ctx)
		}
		config, err := json.Marshal(map[string]string{form.Model: model})
		if err == nil {
			_, err = w.gateway.Configure(ctx, Setup{ID: p.ID, Config: config})
		}
		if err != nil {
			return nil, wit.Errorf(wit.CodeInvalid, "%s: %w", model, err)
		}
		return then(ctx)
	})
}
