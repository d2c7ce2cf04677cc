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
	if l.blind[refusal{c.model, picturesOfPeople}] {
		return false
	}
	said := slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.Images })
	return !said || !slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.ID == c.model && !x.Images })
}

// shows is what of files a provider, as it is set up, shows to a model beside pictures of people: nothing of what that model has refused.
func (m *Models) shows(c choice) (shown []wit.Exhibit) {
	for p := range m.providers.Providers() {
		if p.ID != c.provider {
			continue
		}
		if setting.Hold(p.Facts.ShowsWhere, p.Settings) {
			shown = slices.Clone(p.Facts.Shows)
		}
		for _, also := range p.Facts.ShowsAlso {
			if setting.Hold(also.Where, p.Settings) {
				shown = append(shown, also.Shows...)
			}
		}
		l := m.listing(c.provider)
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.DeleteFunc(shown, func(x wit.Exhibit) bool { return l.blind[refusal{c.model, x}] })
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

// picturesOfPeople is what every model is shown that sees; it stands among the kinds that not all are shown.
const picturesOfPeople wit.Exhibit = ""

// refusal is a model that has refused files of a kind.
type refusal struct {
	model string
	what  wit.Exhibit
}

// noteRefused remembers what a model has refused, until its provider's settings or code are others. Of a request with pictures and
// documents nobody knows which of them was refused. Of pictures, it is first believed to be those that tools give: fewer models
// take those.
func (m *Models) noteRefused(c choice, p pictured) {
	if !p.refused || (p.pictures || p.results) == p.documents {
		return
	}
	what := picturesOfPeople
	switch {
	case p.documents:
		what = wit.ExhibitDocuments
	case p.results:
		what = wit.ExhibitResults
	}
	l := m.listing(c.provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind == nil {
		l.blind = map[refusal]bool{}
	}
	l.blind[refusal{c.model, what}] = true
}

// pictured is what is known of the pictures and documents in a request.
type pictured struct {
	pictures, results, documents bool // there were some in it: of people, of tools, of people
	shown                        bool // they are in it
	refused                      bool // the provider has refused the request with them
}

// giveUp reports whether a request that has failed is to be made again without its files: for good, or as often as
// it is tried. It is not for what files cannot cause.
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
