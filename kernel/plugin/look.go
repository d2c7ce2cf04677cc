package plugin

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/wit"
)

// look makes the plugins what the sources say. While the gateway runs (live), what is new is verified
// before it is used, and what is broken may still be in the middle of being copied: again is after how long it
// has to be looked at once more, 0 for not.
func (k *keeper) look(ctx context.Context, live bool) (again time.Duration, err error) {
	k.again = 0
	found, err := k.scout.candidates()
	if live {
		k.await(found)
	}
	ids := maps.Clone(found)
	for id := range k.entries {
		ids[id] = found[id]
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if ctx.Err() != nil {
			return 0, nil
		}
		if len(found[id]) == 0 && err != nil {
			continue // a source that cannot be read says nothing about what is gone
		}
		k.place(id, found[id], live)
	}
	return k.again, err
}

// await shows the plugins that are new, before the first of them is read: that takes a while, and whoever asks meanwhile is
// told so. What comes of each replaces it.
func (k *keeper) await(found map[string][]candidate) {
	for id, list := range found {
		if len(list) > 0 && list[0].err == nil && k.table.of(id) == nil && !k.stopped && k.settings.PluginEnabled(id) {
			k.table.put(awaited(&list[0]))
		}
	}
}

// lookAt makes one plugin what the sources say.
// If the sources cannot be read, the plugin stays what it is.
func (k *keeper) lookAt(id string, live bool) {
	if found, err := k.scout.candidates(); err == nil || len(found[id]) > 0 {
		k.place(id, found[id], live)
	}
}

// place makes a plugin what its candidates say.
func (k *keeper) place(id string, found []candidate, live bool) {
	switch {
	case k.stopped:
	case len(found) == 0:
		if e := k.entries[id]; e != nil {
			e.found = nil
			k.apply(e, life.Gone{})
		}
	case k.settings.Fault(id, "") != "":
		k.disable(k.entry(id), found, k.settings.Fault(id, ""))
	case !k.settings.PluginEnabled(id):
		k.disable(k.entry(id), found, "")
	default:
		e := k.entry(id)
		if v := e.serving; v != nil {
			if why := v.config.fault(); why != nil {
				k.disable(e, found, why.Error())
				if found[0].fingerprint == v.fingerprint {
					return
				}
			}
		}
		e.found = found
		list := make([]life.Candidate, len(found))
		for i := range found {
			list[i] = found[i].life()
		}
		k.apply(e, life.Found{Candidates: list, Live: live})
	}
}

// disable ends what runs of a plugin: the owner has switched it off, or what they say of it cannot be used, as why says.
func (k *keeper) disable(e *entry, found []candidate, why string) {
	e.found = found
	off := life.Disabled{Candidate: found[0].life()}
	if why != "" {
		off.Why = misconfigured(off.Candidate, why)
		if found[0].err == nil {
			_, _ = k.builder.admit(k.crew.life, found[0]) // what is not granted is no gate that is shut
		}
	}
	k.apply(e, off)
}

// misconfigured says of a package why it does not run with the settings of this moment.
func misconfigured(c life.Candidate, why string) *Update {
	return &Update{Version: c.Version, Path: c.Path, Reason: why, Hint: "correct the config file with `carapace config edit`: what it says is in force at once, and the plugin runs then"}
}

// grant gives a plugin what the best of its candidates lacks, if that is the one of this digest.
func (k *keeper) grant(ctx context.Context, id, digest string) error {
	if k.table.of(id) == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	e := k.entry(id)
	found, _ := k.scout.candidates()
	for _, c := range found[id] {
		u, bad := e.state.Rejected[c.fingerprint]
		if !bad || u.Lacking == nil {
			continue
		}
		if now, err := c.digest(); err != nil || now != digest {
			break
		}
		if err := k.grants.Record(ctx, c.manifest, grant.ByOwner); err != nil {
			return err
		}
		k.log.Info("owner granted a plugin what it asks for", "plugin", id, "version", c.manifest.Version, "added", u.Lacking)
		k.apply(e, life.Granted{Fingerprint: c.fingerprint})
		k.place(id, found[id], true)
		return nil
	}
	if u := e.state.Update; u == nil || u.Lacking == nil {
		return wit.Errorf(wit.CodeConflict, "plugin %s does not wait for a grant", id)
	}
	return wit.Errorf(wit.CodeConflict, "plugin %s is something else by now than what was shown: look at it once more", id)
}

// rollBack puts the version that ran before the last upgrade back.
func (k *keeper) rollBack(id, reason string) error {
	if k.table.of(id) == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	e := k.entry(id)
	if !e.state.CanRollBack() {
		return wit.Errorf(wit.CodeConflict, "plugin %s has no earlier version to go back to", id)
	}
	k.apply(e, life.RollBack{Reason: reason})
	return nil
}

// tell makes an event about a version happen, unless it is gone.
// Events come from calls, which may end long after their version has been replaced.
func (k *keeper) tell(v *version, ev life.Event) {
	if e := k.entries[v.manifest.ID]; e != nil && e.versions[v.ref] == v {
		k.apply(e, ev)
	}
}

// report is tell for calls, which do not wait for the keeper.
func (k *keeper) report(v *version, ev life.Event) {
	k.mailbox.post(func() { k.tell(v, ev) })
}

// refuse takes a version that cannot run out of its place, which another package of its id may take.
func (k *keeper) refuse(v *version, why error) {
	k.tell(v, life.Refused{Ref: v.ref, Why: v.refusal(why)})
	k.lookAt(v.manifest.ID, false)
}

// restart makes the instances of a plugin start anew with their configuration.
func (k *keeper) restart(id string) {
	if e := k.entries[id]; e != nil && e.serving != nil {
		k.apply(e, life.Reconfigured{Started: e.serving.callers.started()})
	}
}

// verifyInstalled verifies, in the background, what the owner put there before the gateway started, so that
// a broken plugin is known before it is needed.
func (k *keeper) verifyInstalled(ctx context.Context) {
	for _, id := range k.ids() {
		e := k.entries[id]
		if e.serving == nil || e.serving.pkg.Stock || e.state.Status.Phase != life.Installed {
			continue
		}
		k.crew.background(func() func() {
			if v, err := k.versions.enter(ctx, id); err == nil {
				v.calls.leave()
			}
			return func() {}
		})
	}
}

// try makes a version of a candidate, or says why it cannot run.
// A failure while files are being copied is put off and not announced; whoever copies would read an error about a
// plugin that is fine a second later.
func (k *keeper) try(e *entry, t life.Try) life.Event {
	for _, c := range e.found {
		if c.fingerprint != t.Fingerprint {
			continue
		}
		v, refused, passing := k.builder.build(k.crew.life, c, t.Verify)
		if refused == nil {
			v.ref, v.report = t.Ref, k.report
			e.versions[t.Ref] = v
			return life.Tried{Ref: t.Ref}
		}
		if e.state.Live && k.unsettled() && refused.Lacking == nil {
			k.again = recheck
			return life.Tried{Ref: t.Ref, Unfinished: true}
		}
		if passing && c.fault(k.settings) == nil { // which passes when the settings change
			k.again = passingRetry
		}
		return life.Tried{Ref: t.Ref, Failed: refused, Passing: passing}
	}
	return life.Tried{Ref: t.Ref, Unfinished: true} // found anew meanwhile, which is another event
}

// unsettled reports whether a package may still be in the middle of being written.
func (k *keeper) unsettled() bool {
	return time.Since(time.Unix(0, k.touched.Load())) < maxCopying
}
