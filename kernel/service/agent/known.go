package agent

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/wit"
)

// KnownModel is a model with what its provider and the owner say of it.
type KnownModel struct {
	wit.Model
	Alias string
}

// Known is what is known of a provider's models: those that it has listed, the one that it offers by itself where it lists
// none, and those that the owner has said something of, which wins.
func (m *Models) Known(p ProviderInfo, listed []wit.Model) (known []KnownModel) {
	facts := m.settings().Facts
	if own := m.first(p).model; len(listed) == 0 && own != "" {
		listed = []wit.Model{{ID: own}}
	}
	for _, x := range listed {
		known = append(known, with(x, facts[choice{p.ID, x.ID}.String()]))
	}
	var more []string
	for name := range facts {
		id, ours := strings.CutPrefix(name, p.ID+"/")
		if ours && !slices.ContainsFunc(listed, func(x wit.Model) bool { return x.ID == id }) {
			more = append(more, id)
		}
	}
	slices.Sort(more)
	for _, id := range more {
		known = append(known, with(wit.Model{ID: id}, facts[choice{p.ID, id}.String()]))
	}
	return known
}

// with is a model with what the owner says of it.
func with(x wit.Model, f ModelFacts) KnownModel {
	if f.Context > 0 {
		x.ContextWindow = f.Context
	}
	if f.Images != nil {
		x.Images = *f.Images
	}
	if f.Tools != nil {
		x.Tools = *f.Tools
	}
	return KnownModel{x, f.Alias}
}

// Resting returns why a model is not asked now, by none of its provider's keys: the pause that ends first.
func (m *Models) Resting(provider, model string) (first cooldown.Pause, all bool) {
	for _, key := range m.keys(provider) {
		p, rests := m.rests.Of(provider, key.Name, model, key.Set)
		if !rests {
			return cooldown.Pause{}, false
		}
		if !all || p.Until < first.Until {
			first, all = p, true
		}
	}
	return first, all
}

// Pauses lists what of a provider rests now.
func (m *Models) Pauses(provider string) []cooldown.Pause {
	return slices.DeleteFunc(m.pauses(), func(p cooldown.Pause) bool { return p.Provider != provider })
}

// pauses lists all that rests now. Keys that were set since, or that there are no more, do not.
func (m *Models) pauses() []cooldown.Pause {
	return slices.DeleteFunc(m.rests.List(), func(p cooldown.Pause) bool {
		return p.Key != cooldown.AnyKey && !slices.ContainsFunc(m.keys(p.Provider), func(k Key) bool {
			return k.Name == p.Key && k.Set.UnixMilli() <= p.Since
		})
	})
}
