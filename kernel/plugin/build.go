package plugin

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// try makes a version of a candidate, or says why it cannot run.
func (k *keeper) try(e *entry, t life.Try) life.Event {
	for _, c := range e.found {
		if c.fingerprint != t.Fingerprint {
			continue
		}
		v, refused := k.build(e, c, t)
		if refused == nil {
			e.versions[t.Ref] = v
			return life.Tried{Ref: t.Ref}
		}
		if e.state.Live && k.unsettled() && refused.Lacking == nil {
			k.unfinished = true
			return life.Tried{Ref: t.Ref, Unfinished: true}
		}
		return life.Tried{Ref: t.Ref, Failed: refused}
	}
	return life.Tried{Ref: t.Ref, Unfinished: true} // found anew meanwhile, which is another event
}

// unsettled reports whether a package may still be in the middle of being written.
func (k *keeper) unsettled() bool {
	return time.Since(time.Unix(0, k.touched.Load())) < settle
}

// build makes a version, or says why not.
func (k *keeper) build(e *entry, c candidate, t life.Try) (*version, *Update) {
	u := &Update{Path: c.pkg.Path}
	if c.err != nil {
		u.Reason, u.Hint = c.err.Error(), "correct the plugin's files: each save is looked at again"
		return nil, u
	}
	u.Version = c.manifest.Version
	granted, lacking, err := k.grants.Admit(k.life, c.manifest, c.pkg.Stock)
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
	if asks := grant.Beyond(&wit.Permissions{}, &c.manifest.Permissions); granted && !c.pkg.Stock && len(asks) > 0 {
		k.log.Info("plugin from the plugins folder granted what it asks for", "plugin", e.id, "permissions", manifest.PermissionNames(&c.manifest.Permissions))
		k.announce(e.id, life.Announce{Phase: life.Installed, Version: c.manifest.Version, Reason: "granted: " + strings.Join(asks, ", ")})
	}
	v := k.newVersion(e, c, t.Ref)
	if t.Verify {
		if _, err := v.verify(k.life, k.inspector); err != nil {
			v.free()
			refusal := v.refusal(err)
			return nil, &refusal
		}
	}
	return v, nil
}

func (k *keeper) newVersion(e *entry, c candidate, ref life.Ref) *version {
	v := &version{manifest: c.manifest, pkg: c.pkg, rank: c.rank, fingerprint: c.fingerprint, engine: c.pkg.Engine, ref: ref, log: k.log,
		config: newConfiguration(c.manifest, k.deps.Settings), calls: newGate(),
		report: func(ev life.Event) { k.mailbox.post(func() { k.apply(e, ev) }) }}
	if v.engine == nil {
		v.engine = k.deps.Engine
	}
	v.guest = k.deps.Host.Guest(host.Plugin{ID: c.manifest.ID, Permissions: c.manifest.Permissions, Config: v.config.section})
	return v
}

// refusal says why a version cannot run.
func (v *version) refusal(err error) Update {
	u := Update{Version: v.manifest.Version, Path: v.pkg.Path, Reason: err.Error()}
	if wit.CodeOf(err) == wit.CodeInvalid {
		u.Hint = "build it again so that code and manifest agree: each save is looked at again"
	}
	return u
}
