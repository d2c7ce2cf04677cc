package plugin

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/wit"
)

// table is what everybody may read without waiting for anybody. What it holds is replaced, never changed;
// only the keeper writes.
// A change of one plugin replaces what its row holds; the map is copied only when an id comes or goes.
type table struct {
	rows   atomic.Pointer[map[string]*row]
	offers atomic.Pointer[offers]
}

// row is a plugin in the table: what it is, and how it last ended and how its service is, which is known sooner and by others
// than the keeper.
type row struct {
	standing atomic.Pointer[standing]
	crash    atomic.Pointer[Crash]
	service  atomic.Pointer[ServiceState]
}

// standing is what a plugin is at a moment.
type standing struct {
	id      string
	version *version // nil while nothing can be called
	status  life.Status
	update  *life.Update
	waiting *wit.Manifest // of the update, where it waits for a grant
	// installed is the manifest of the package that should run; nil when that has none that can be read.
	installed *wit.Manifest
	// origin is that package's.
	origin Origin
}

func newTable() *table {
	t := &table{}
	t.rows.Store(&map[string]*row{})
	t.offers.Store(&offers{})
	return t
}

// of returns a plugin, nil when there is none.
func (t *table) of(id string) *standing {
	if r := (*t.rows.Load())[id]; r != nil {
		return r.standing.Load()
	}
	return nil
}

// all returns all plugins, sorted by id.
func (t *table) all() []*standing {
	rows := *t.rows.Load()
	list := make([]*standing, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.standing.Load())
	}
	slices.SortFunc(list, func(a, b *standing) int { return cmp.Compare(a.id, b.id) })
	return list
}

// put shows a plugin's standing, and adds the plugin if it is new.
func (t *table) put(s *standing) {
	rows := *t.rows.Load()
	if r := rows[s.id]; r != nil {
		r.standing.Store(s)
		return
	}
	next := maps.Clone(rows)
	next[s.id] = new(row)
	next[s.id].standing.Store(s)
	t.rows.Store(&next)
}

// remove takes a plugin out; one that is not there is no error.
func (t *table) remove(id string) {
	rows := *t.rows.Load()
	if rows[id] == nil {
		return
	}
	next := maps.Clone(rows)
	delete(next, id)
	t.rows.Store(&next)
}

// current returns what is called now. Errors: CodeNotFound; CodeUnavailable with the reason.
func (t *table) current(id string) (*version, error) {
	s := t.of(id)
	switch {
	case s == nil:
		return nil, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	case s.version != nil:
		return s.version, nil
	case s.awaited():
		return nil, errAwaited(id)
	}
	why := string(s.status.Phase)
	if s.status.Reason != "" {
		why += ": " + s.status.Reason
	}
	return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s is %s", id, why)
}

// awaitedAgain is when a plugin that is being read is to be asked again.
const awaitedAgain = time.Second

// awaited makes the standing of a plugin that was just put there, while its code is read and compiled: it is known, and
// can be looked at and configured, and nothing can be called yet.
func awaited(c *candidate) *standing {
	return &standing{id: c.manifest.ID, installed: c.manifest, origin: origin(c.pkg),
		status: life.Status{Phase: life.Installed, Version: c.manifest.Version, Path: c.pkg.Path, Reason: "its code is being read and compiled"}}
}

// awaited reports whether a plugin is one of those.
func (s *standing) awaited() bool { return s.version == nil && s.status.Phase == life.Installed }

// errAwaited says of such a plugin when it can be called.
func errAwaited(id string) error {
	return wit.ErrorAfter(wit.CodeUnavailable, awaitedAgain, "plugin %s is being compiled: ask again in a moment; `carapace plugins info %[1]s` shows how it is", id)
}

// manifest returns the current version's or, while nothing can be called, that of the package that should run.
func (s *standing) manifest() *wit.Manifest {
	if s.version != nil {
		return s.version.manifest
	}
	return s.installed
}
