package agent

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// sees reports whether a model can be shown pictures, as far as that is known: its provider's list says it of some
// model, or it has refused them. Many lists say nothing of pictures, so a model is believed to see until it refuses.
func (m *Models) sees(c choice) bool {
	if sees := m.facts(c).Images; sees != nil {
		return *sees
	}
	l := m.listing(c.provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind[c.model] {
		return false
	}
	said := slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.Images })
	return !said || !slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.ID == c.model && !x.Images })
}

// shows is what of files a provider, as it is set up, shows to its models beside pictures of people.
func (m *Models) shows(provider string) []wit.Exhibit {
	for p := range m.providers.Providers() {
		if p.ID == provider && setting.Hold(p.Facts.ShowsWhere, p.Settings) {
			return p.Facts.Shows
		}
	}
	return nil
}

// facts are what the owner says of a model.
func (m *Models) facts(c choice) ModelFacts { return m.settings().Facts[c.String()] }

// callsTools reports whether a model can call tools, as far as that is known: its provider's list says it of some model, or how much
// its models read, and not that this one can. Many lists say nothing but names, so a model is believed to call them.
func (m *Models) callsTools(c choice) bool {
	if calls := m.facts(c).Tools; calls != nil {
		return *calls
	}
	l := m.listing(c.provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	said := slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.Tools || x.ContextWindow > 0 })
	return !said || !slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.ID == c.model && !x.Tools })
}

// noteBlind remembers that a model has refused pictures, until its provider's settings or code are others.
func (m *Models) noteBlind(c choice) {
	l := m.listing(c.provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind == nil {
		l.blind = map[string]bool{}
	}
	l.blind[c.model] = true
}

// pictured is what is known of the pictures, and documents, in a request.
type pictured struct {
	shown   bool // there are some in it
	refused bool // there were some, and the provider refused the request
	// documents are among them: that the request was refused says nothing of pictures then.
	documents bool
}

// giveUp reports whether a request that has failed is to be made again without its pictures: for good, or as often as
// it is tried. It is not for what pictures cannot cause.
func (p *pictured) giveUp(e *wit.Error, last bool) bool {
	if !p.shown {
		return false
	}
	switch e.Code {
	case wit.CodeInvalid, wit.CodeNotFound, wit.CodeTooLarge:
		p.refused = true
	case wit.CodeUnavailable, wit.CodeInternal:
		if e.Retryable && !last {
			return false
		}
	default:
		return false
	}
	p.shown = false
	return true
}
