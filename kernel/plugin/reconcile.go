package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// pass is one look at all sources.
type pass struct {
	// live is set while the gateway runs: what is new is verified before it is used, and what is broken
	// may still be in the middle of being copied.
	live bool
}

// candidate is a package with its manifest, or why it has none.
type candidate struct {
	pkg         Package
	rank        int
	manifest    *wit.Manifest
	fingerprint string
	err         error
}

// reconcile makes the entries what the sources say. again is true when something looked unfinished and
// has to be looked at once more.
func (r *Registry) reconcile(ctx context.Context, p pass) (again bool, err error) {
	r.loading.Lock()
	defer r.loading.Unlock()
	found, err := r.candidates()
	ids := map[string]bool{}
	for id := range found {
		ids[id] = true
	}
	for _, e := range r.all() {
		ids[e.id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if ctx.Err() != nil {
			return false, nil
		}
		if len(found[id]) == 0 && err != nil {
			continue // a source that cannot be read says nothing about what is gone
		}
		again = r.place(ctx, p, id, found[id]) || again
	}
	if p.live {
		r.lookAtInstalled(ctx)
	}
	return again, err
}

// candidates lists the packages of each id, the one that should run first.
func (r *Registry) candidates() (map[string][]candidate, error) {
	found := map[string][]candidate{}
	var failed error
	for rank, source := range r.deps.Sources {
		packages, err := source.Packages()
		if err != nil {
			failed = wit.Errorf(wit.CodeOf(err), "%s: %w", source.Name(), err)
			continue
		}
		for _, pkg := range packages {
			c := candidate{pkg: pkg, rank: rank}
			c.manifest, c.err = pkg.manifest(r.deps.Gateway)
			if c.err == nil {
				c.err = r.checkHooks(c.manifest)
			}
			if c.err == nil {
				c.fingerprint, c.err = pkg.fingerprint(c.manifest)
			}
			if c.err != nil {
				c.fingerprint = fmt.Sprintf("%s|%s|%s", pkg.Path, pkg.manifestStamp(), c.err)
			}
			found[pkg.Folder] = slices.Insert(found[pkg.Folder], 0, c)
		}
	}
	return found, failed
}

// checkHooks names the first hook that would never be called.
func (r *Registry) checkHooks(m *wit.Manifest) error {
	for _, h := range m.Provides.Hooks {
		if r.deps.Hooks != nil && !slices.Contains(r.deps.Hooks, h.Name) {
			return wit.Errorf(wit.CodeInvalid, "plugin.json: provides.hooks: this gateway does not call %s yet: leave it out", h.Name)
		}
	}
	return nil
}

// place makes one entry what its candidates say.
func (r *Registry) place(ctx context.Context, p pass, id string, candidates []candidate) (again bool) {
	e := r.entry(id)
	if len(candidates) == 0 {
		r.remove(e)
		return false
	}
	if e == nil {
		e = &entry{id: id, rejected: map[string]Update{}}
		r.mu.Lock()
		r.entries[id] = e
		r.mu.Unlock()
	}
	if !r.deps.Settings.PluginEnabled(id) {
		r.disable(e, candidates[0])
		return false
	}
	e.forgetRejected(candidates)
	var problem *Update
	for _, c := range candidates {
		current := e.current.Load()
		if current != nil && c.fingerprint == current.fingerprint || c.fingerprint == e.building {
			e.setUpdate(problem)
			return false
		}
		v, u, known := r.attempt(ctx, p, e, c)
		if u == nil {
			e.setUpdate(problem)
			r.install(p, e, v)
			return false
		}
		if u.Reason == "" {
			return true
		}
		problem = first(problem, *u)
		if current == nil {
			e.fail(*problem)
		}
		if !known {
			e.setUpdate(problem)
			r.announce(id, StateFailed, u.Version, u.Reason)
		}
		if current != nil && current.pkg.Path == c.pkg.Path {
			break // what this package was before goes on, rather than a package it replaces
		}
	}
	e.setUpdate(problem)
	return false
}

// attempt builds a candidate. An update says why it cannot take the place; one without a reason, that it
// may still be incomplete. known is set when it was said before.
func (r *Registry) attempt(ctx context.Context, p pass, e *entry, c candidate) (v *version, u *Update, known bool) {
	if u, bad := e.rejectedFor(c.fingerprint); bad {
		return nil, &u, true
	}
	v, u = r.build(ctx, p, c)
	if u == nil {
		return v, nil, false
	}
	if p.live && r.unsettled() && u.Lacking == nil {
		return nil, &Update{}, false
	}
	e.reject(c.fingerprint, *u)
	return nil, u, false
}

func first(have *Update, u Update) *Update {
	if have != nil {
		return have
	}
	return &u
}

// unsettled reports whether a package may still be in the middle of being written.
func (r *Registry) unsettled() bool {
	return time.Since(time.Unix(0, r.changed.Load())) < settle
}

// build makes a version of a candidate, or says why not.
func (r *Registry) build(ctx context.Context, p pass, c candidate) (*version, *Update) {
	u := &Update{Path: c.pkg.Path}
	if c.err != nil {
		u.Reason, u.Hint = c.err.Error(), "correct the plugin's files: each save is looked at again"
		return nil, u
	}
	u.Version = c.manifest.Version
	granted, lacking, err := r.grants.admit(ctx, c.manifest, c.pkg.Stock)
	if err != nil {
		u.Reason = "what it may ask for cannot be recorded: " + err.Error()
		return nil, u
	}
	if len(lacking) > 0 {
		u.Lacking = lacking
		u.Reason = "needs grant: " + strings.Join(lacking, ", ")
		u.Hint = "it asks for more than was granted: look at its reasons, then `carapace plugins grant` it"
		return nil, u
	}
	if asks := c.manifest.Permissions.Names(); granted && !c.pkg.Stock && len(asks) > 0 {
		r.log.Info("a plugin that was put into the plugins folder is granted what it asks for", "plugin", c.manifest.ID, "permissions", asks)
		r.announce(c.manifest.ID, StateInstalled, c.manifest.Version, "granted: "+strings.Join(beyond(&wit.Permissions{}, &c.manifest.Permissions), ", "))
	}
	v := r.newVersion(c)
	if p.live {
		if err := r.verify(ctx, v); err != nil {
			v.free()
			u.Reason, u.Hint = err.Error(), hintFor(err)
			return nil, u
		}
	}
	return v, nil
}

func hintFor(err error) string {
	if wit.CodeOf(err) == wit.CodeInvalid {
		return "build it again so that code and manifest agree: each save is looked at again"
	}
	return ""
}

func (r *Registry) newVersion(c candidate) *version {
	v := &version{manifest: c.manifest, pkg: c.pkg, rank: c.rank, fingerprint: c.fingerprint, settings: r.deps.Settings,
		callers: map[string]Caller{}, drained: make(chan struct{})}
	if len(c.manifest.Config) > 0 {
		v.config, _ = newSchema(c.manifest.Config) // the manifest's check compiled it already
	}
	v.guest = r.deps.Host.Guest(host.Plugin{ID: c.manifest.ID, Permissions: c.manifest.Permissions, Config: v.section})
	return v
}

// install puts a version in the place of what runs. In a running gateway, one that replaces another is
// compiled first.
func (r *Registry) install(p pass, e *entry, v *version) {
	old := e.current.Load()
	if !p.live {
		r.swap(e, v, StateInstalled)
		return
	}
	if old == nil || v.pkg.Fake != nil {
		r.swap(e, v, StateVerified)
		r.running.Go(func() { r.warmUp(e, v) })
		return
	}
	e.building = v.fingerprint
	r.announce(e.id, StateVerified, v.manifest.Version, "", old.manifest.Version)
	r.running.Go(func() { r.replace(e, v) })
}

// replace compiles v and swaps it in, unless something newer came meanwhile.
func (r *Registry) replace(e *entry, v *version) {
	err := v.code.Compile(r.life)
	r.loading.Lock()
	defer r.loading.Unlock()
	if e.building != v.fingerprint {
		v.free()
		return
	}
	e.building = ""
	if err != nil {
		u := Update{Version: v.manifest.Version, Path: v.pkg.Path, Reason: err.Error(), Hint: hintFor(err)}
		e.reject(v.fingerprint, u)
		e.setUpdate(&u)
		r.announce(e.id, StateFailed, u.Version, u.Reason)
		v.free()
		return
	}
	r.swap(e, v, StateReady)
}

// swap makes v the current version and drains the one before. The caller holds loading.
func (r *Registry) swap(e *entry, v *version, s State) {
	old := e.current.Swap(v)
	v.guest.Inherit()
	before := ""
	e.building = ""
	if old != nil {
		before = old.manifest.Version
	}
	e.dropPrevious(old)
	r.refreshOffers()
	e.become(s, v.manifest.Version, "")
	r.announce(e.id, s, v.manifest.Version, "", before)
	if old != nil {
		r.drain(e.id, old)
	}
}

func (r *Registry) drain(id string, old *version) {
	r.announce(id, StateDraining, old.manifest.Version, "replaced")
	r.running.Go(func() {
		ctx, cancel := r.draining()
		defer cancel()
		if err := old.stop(ctx); err != nil {
			r.log.Warn("calls of an old version were stopped", "plugin", id, "error", err)
		}
		r.announce(id, StateStopped, old.manifest.Version, "replaced")
	})
}

// remove drains a plugin whose packages are gone, and forgets it.
func (r *Registry) remove(e *entry) {
	if e == nil {
		return
	}
	v := e.current.Swap(nil)
	e.dropPrevious(nil)
	e.building = ""
	r.refreshOffers()
	if v == nil {
		if e.status() != StateDraining {
			r.delete(e)
			r.set(e, StateStopped, "", "removed")
		}
		return
	}
	r.set(e, StateDraining, v.manifest.Version, "removed")
	r.running.Go(func() {
		ctx, cancel := r.draining()
		defer cancel()
		_ = v.stop(ctx)
		v.free()
		r.loading.Lock()
		defer r.loading.Unlock()
		if e.current.Load() == nil && e.status() == StateDraining {
			r.delete(e)
			r.set(e, StateStopped, v.manifest.Version, "removed")
		}
	})
}

func (r *Registry) delete(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries[e.id] == e {
		delete(r.entries, e.id)
		r.deps.Host.Forget(e.id)
	}
}

const disabled = "disabled in the configuration"

func (r *Registry) disable(e *entry, c candidate) {
	v := e.current.Swap(nil)
	e.dropPrevious(nil)
	e.building = ""
	version := ""
	if c.manifest != nil {
		version = c.manifest.Version
	}
	e.offer(c)
	r.refreshOffers()
	r.set(e, StateStopped, version, disabled)
	if v != nil {
		v.guest.Disconnect()
		r.running.Go(func() {
			ctx, cancel := r.draining()
			defer cancel()
			_ = v.stop(ctx)
			v.free()
		})
	}
}
