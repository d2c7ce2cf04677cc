package plugin

import (
	"cmp"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/wit"
)

// offers is what all plugins together provide. It is replaced, never changed.
// It is computed whole at each change, which is rare, so that looking something up costs no lock.
type offers struct {
	plugins map[string][]string // ids by kind
	tools   []ToolRow
	hooks   map[wit.HookName][]*Hook
	// shadowed are tools whose name another plugin has, by plugin.
	shadowed map[string][]string
}

// has reports whether a plugin of that kind can be called.
func (o *offers) has(kind, id string) bool { return slices.Contains(o.plugins[kind], id) }

// refreshOffers computes the offers of what is current now.
// Of tools with one name, that of the first source wins, then of the first id: the same one after each start. A
// clash is logged when it is new, and not at each change of some other plugin.
func (k *keeper) refreshOffers() {
	var current []*version
	var shut []*wit.Manifest
	for _, s := range k.table.all() {
		if s.version != nil {
			current = append(current, s.version)
		} else if m := s.installed; s.status.Phase == life.Failed && m != nil && k.grants.Covers(m) {
			shut = append(shut, m)
		}
	}
	next := &offers{plugins: map[string][]string{}, hooks: map[wit.HookName][]*Hook{}, shadowed: map[string][]string{}}
	for _, v := range current { // by id
		id, p := v.manifest.ID, &v.manifest.Provides
		for _, kind := range p.Kinds() {
			next.plugins[kind] = append(next.plugins[kind], id)
		}
		for _, facts := range p.Hooks {
			next.hooks[facts.Name] = append(next.hooks[facts.Name], &Hook{handle{k.versions, id}, facts})
		}
	}
	for _, m := range shut { // a gate that cannot run is not an open one
		for _, facts := range m.Provides.Hooks {
			if facts.Name.Cancels() && facts.Policy() == wit.FailPolicyClosed {
				next.hooks[facts.Name] = append(next.hooks[facts.Name], &Hook{handle{k.versions, m.ID}, facts})
			}
		}
	}
	for _, list := range next.hooks {
		slices.SortFunc(list, func(a, b *Hook) int {
			return cmp.Or(cmp.Compare(b.facts.Priority, a.facts.Priority), cmp.Compare(a.id, b.id))
		})
	}
	slices.SortStableFunc(current, func(a, b *version) int { return cmp.Compare(a.rank, b.rank) })
	owner := map[string]string{}
	before := k.table.offers.Load().shadowed
	for _, v := range current {
		id := v.manifest.ID
		for _, d := range v.manifest.Provides.Tools {
			if winner, taken := owner[d.Name]; taken {
				next.shadowed[id] = append(next.shadowed[id], d.Name)
				if !slices.Contains(before[id], d.Name) {
					k.log.Warn("two plugins have a tool of the same name; the first one's is used", "tool", d.Name, "used", winner, "ignored", id)
				}
				continue
			}
			owner[d.Name] = id
			next.tools = append(next.tools, ToolRow{Plugin: id, Definition: d})
		}
	}
	k.table.offers.Store(next)
}
