package plugin

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Check reads an archive's manifest as this gateway would that runs it. Errors: CodeInvalid with what is wrong.
func (r *Registry) Check(p *archive.Package) error {
	m, err := manifest.Decode(p.Files[archive.ManifestFile], r.keeper.scout.gateway)
	if err != nil {
		return err
	}
	return r.keeper.scout.checkHooks(m)
}

// Try finds out whether an archive would run: whether its code is what the manifest says, compiles, and starts. It has all that
// it asks for meanwhile, so it is for what was granted. Errors: CodeInvalid and CodeUnavailable, with the reason.
func (r *Registry) Try(ctx context.Context, p *archive.Package) error {
	b := r.keeper.builder
	v := b.newVersion(candidate{pkg: depot.Package(p), manifest: p.Manifest})
	defer v.free()
	if _, err := v.verify(ctx, b.inspector); err != nil {
		return err
	}
	if err := v.code.Compile(ctx); err != nil {
		return err
	}
	return v.probe(ctx)
}

// Lacking lists what a manifest is, uses and asks for beyond what its plugin was granted; all of it for a plugin that nobody was
// asked about.
func (r *Registry) Lacking(m *wit.Manifest) []string {
	g, known := r.grants.Of(m.ID)
	if !known {
		return grant.Beyond(&g.Permissions, &m.Permissions)
	}
	return g.Lacking(m)
}

// Admits reports whether an archive would run without asking anybody: since nothing is lacking, or since nobody has been asked
// about its plugin so far.
func (r *Registry) Admits(m *wit.Manifest) bool {
	_, known := r.grants.Of(m.ID)
	return !known || len(r.Lacking(m)) == 0
}

// Install makes an archive the version of its plugin that should run, and grants it what it asks for where granted is set, all at
// once or not at all. Without a grant of what it lacks it waits, while what ran before goes on. It returns when the plugin is being
// replaced. Errors: CodeConflict where a folder of the owner's stands in its place; the store's.
func (r *Registry) Install(ctx context.Context, in depot.Incoming, granted bool) (err error) {
	r.mailbox.do(func() { err = r.keeper.install(ctx, in, granted) })
	r.watch.lookAgain()
	return err
}

// GoBack makes a version that is kept run again, with what it was granted when it ran; digest "" is the one before the current
// one. A plugin that is not installed goes back to what ran before its last reload. Errors: CodeNotFound, CodeConflict where there
// is nothing to go back to, the store's.
func (r *Registry) GoBack(ctx context.Context, id, digest string) (err error) {
	r.mailbox.do(func() { err = r.keeper.goBack(ctx, id, digest) })
	r.watch.lookAgain()
	return err
}

// Remove takes an installed plugin away, with all its versions. What it was granted, its settings and its credentials stay.
// Errors: CodeNotFound, CodeConflict for one that is not installed, the store's.
func (r *Registry) Remove(ctx context.Context, id string) (err error) {
	r.mailbox.do(func() { err = r.keeper.remove(ctx, id) })
	r.watch.lookAgain()
	return err
}

// Revoke takes back all that a plugin was granted: it stops at once, with all that it has open, and waits for a grant. Errors:
// CodeNotFound, the store's.
func (r *Registry) Revoke(ctx context.Context, id string) (err error) {
	r.mailbox.do(func() { err = r.keeper.revoke(ctx, id) })
	r.watch.lookAgain()
	return err
}

func (k *keeper) install(ctx context.Context, in depot.Incoming, granted bool) error {
	m := in.Package.Manifest
	found, err := k.scout.candidates()
	if err != nil {
		return err
	}
	for _, c := range found[m.ID] {
		if c.byHand() {
			return wit.Errorf(wit.CodeConflict, "%s has a plugin %s already, and would run in its place: move that folder away first", c.pkg.Path, m.ID)
		}
	}
	in.Runs = k.runs(m.ID)
	put, done := nothing, func() {}
	if granted {
		put, done = k.grants.Grant(m, grant.ByOwner)
	}
	if err := k.depot.Put(ctx, in, put); err != nil {
		return err
	}
	done()
	k.log.Info("plugin installed", "plugin", m.ID, "version", m.Version, "digest", in.Package.Digest(), "signers", in.Package.Signers())
	k.offer(m.ID, in.Package.Digest())
	return nil
}

// nothing is a part of a transaction that has none.
func nothing(store.Tx) error { return nil }

// installed is what there is of an installed plugin, nothing of another one.
func (k *keeper) installed(id string) (p depot.Plugin) {
	if k.depot != nil {
		p, _ = k.depot.Of(id)
	}
	return p
}

// runs is the digest of the installed version of a plugin that runs, "" for none.
func (k *keeper) runs(id string) string {
	if e := k.entries[id]; e != nil && e.serving != nil {
		return e.serving.pkg.Digest
	}
	return ""
}

// offer looks at a plugin of which a version is wanted now, also if that was rejected before.
func (k *keeper) offer(id, digest string) {
	found, _ := k.scout.candidates()
	if e := k.entries[id]; e != nil {
		for _, c := range found[id] {
			if c.pkg.Digest == digest {
				k.apply(e, life.Granted{Fingerprint: c.fingerprint})
			}
		}
	}
	k.place(id, found[id], true)
}

func (k *keeper) goBack(ctx context.Context, id, digest string) error {
	kept, there := k.depot.Of(id)
	if !there {
		return k.rollBack(id, "its owner went back")
	}
	if digest == "" {
		digest = earlier(kept)
	}
	v := kept.Find(digest)
	if v == nil || digest == kept.Wanted {
		return wit.Errorf(wit.CodeConflict, "plugin %s has no earlier version to go back to", id)
	}
	put, done := nothing, func() {}
	if v.Granted {
		m, err := manifest.Decode(v.Manifest, k.scout.gateway)
		if err != nil {
			return err
		}
		put, done = k.grants.Grant(m, grant.ByOwner)
	}
	to := depot.Return{Digest: digest, Runs: k.runs(id), Barred: k.scout.barred.why(id, digest) != ""}
	if err := k.depot.GoBack(ctx, id, to, put); err != nil {
		return err
	}
	done()
	k.log.Info("owner went back to an earlier version of a plugin", "plugin", id, "version", v.Version)
	k.offer(id, digest)
	return nil
}

// earlier is the digest of the version before the wanted one: the one that ran, or that was installed before it.
func earlier(p depot.Plugin) string {
	if p.Before != "" {
		return p.Before
	}
	n := slices.IndexFunc(p.Versions, func(v depot.Version) bool { return v.Digest == p.Wanted })
	if n+1 < len(p.Versions) {
		return p.Versions[n+1].Digest
	}
	return ""
}

func (k *keeper) remove(ctx context.Context, id string) error {
	s := k.table.of(id)
	if _, there := k.depot.Of(id); !there && s == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	} else if !there && k.stock(id) {
		return wit.Errorf(wit.CodeConflict, "plugin %s comes with the gateway: `carapace plugins disable %s` turns it off", id, id)
	} else if !there {
		return wit.Errorf(wit.CodeConflict, "plugin %s was put into a folder by hand: delete %s", id, k.table.status(s).Path)
	}
	if err := k.depot.Remove(ctx, id); err != nil {
		return err
	}
	k.log.Info("plugin removed", "plugin", id)
	k.lookAt(id, true)
	return nil
}

// stock reports whether all that there is of a plugin came with the gateway.
func (k *keeper) stock(id string) bool {
	e := k.entries[id]
	return e != nil && !slices.ContainsFunc(e.found, func(c candidate) bool { return !c.pkg.Stock })
}

func (k *keeper) revoke(ctx context.Context, id string) error {
	if k.table.of(id) == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	put, done := k.grants.Revoke(id)
	if err := k.depot.Revoke(ctx, id, put); err != nil {
		return err
	}
	done()
	k.log.Info("owner took back what a plugin was granted", "plugin", id)
	if e := k.entry(id); e.serving != nil {
		g, _ := k.grants.Of(id)
		c := candidate{pkg: e.serving.pkg, manifest: e.serving.manifest, sum: e.serving.sum}
		why, _ := c.ungranted(g.Lacking(c.manifest)) // where the code cannot be read, why says that
		k.apply(e, life.Revoked{Why: why})
	}
	k.lookAt(id, true)
	return nil
}

// byHand reports whether a candidate is in a folder that somebody put there.
func (c *candidate) byHand() bool { return !c.pkg.Stock && !c.pkg.Kept && c.pkg.Digest == "" }
