package agent

import (
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// sees reports whether a model can be shown pictures, as far as that is known: its provider's list says it of some
// model, or it has refused them. Many lists say nothing of pictures, so a model is believed to see until it refuses.
func (m *Models) sees(c choice) bool {
	l := m.listing(c.provider)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind[c.model] {
		return false
	}
	said := slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.Images })
	return !said || !slices.ContainsFunc(l.models, func(x wit.Model) bool { return x.ID == c.model && !x.Images })
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

// pictured is what is known of the pictures in a request.
type pictured struct {
	shown   bool // there are some in it
	refused bool // there were some, and the provider refused the request
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
