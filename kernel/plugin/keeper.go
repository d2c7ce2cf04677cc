package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// keeper owns what becomes of all plugins: it tells life what happened and carries out what life says.
// Its methods are called by one goroutine at a time: by tasks of its mailbox, and between tasks by whoever attends
// that. Work that takes long goes on in the background and comes back as a task.
type keeper struct {
	mailbox  *mailbox
	table    *table
	scout    *scout
	builder  *builder
	grants   *grant.Grants
	settings Settings
	host     *host.Host
	kept     *source.Kept // nil keeps nothing
	depot    *depot.Depot
	news     announcer
	crew     *crew
	versions *finder // what the handles of hooks find versions by
	log      hclog.Logger
	touched  *atomic.Int64 // when a source last changed, in nanoseconds

	entries map[string]*entry
	again   time.Duration // after which a look has to be repeated, for what did not run for now
	stopped bool
}

// entry is one plugin.
type entry struct {
	id       string
	state    life.State
	versions map[life.Ref]*version
	serving  *version
	found    []candidate // as they were found last
}

// entry returns a plugin, which it makes if need be.
func (k *keeper) entry(id string) *entry {
	e := k.entries[id]
	if e == nil {
		e = &entry{id: id, versions: map[life.Ref]*version{}}
		k.entries[id] = e
	}
	return e
}

// ids lists the entries, sorted.
func (k *keeper) ids() []string { return slices.Sorted(maps.Keys(k.entries)) }

// apply makes an event happen, with all that follows from it at once.
// The state is changed before the actions are carried out, and the outcome of a trial is the next event. So all
// decisions are life's, and this does what it is told. An entry about which there is nothing more to know is
// dropped.
func (k *keeper) apply(e *entry, ev life.Event) {
	for ev != nil {
		var actions []life.Action
		e.state, actions = life.Next(e.state, ev)
		ev = k.act(e, actions)
	}
	k.publish(e)
	if e.state.Done() && k.entries[e.id] == e {
		delete(k.entries, e.id)
	}
}

// publish makes everybody see what a plugin is.
// Readers see the old standing or the new one, whole.
func (k *keeper) publish(e *entry) {
	if e.state.Status.Phase == "" {
		k.table.remove(e.id)
		return
	}
	s := &standing{id: e.id, version: e.serving, status: e.state.Status, update: e.state.Update, waiting: e.waiting()}
	if len(e.found) > 0 {
		s.installed, s.origin = e.found[0].manifest, origin(e.found[0].pkg)
	}
	k.table.put(s)
}

// waiting is the manifest that asks for a grant, nil where none does.
func (e *entry) waiting() *wit.Manifest {
	if e.state.Update == nil || e.state.Update.Lacking == nil {
		return nil
	}
	for _, c := range e.found {
		if u, bad := e.state.Rejected[c.fingerprint]; bad && u.Digest == e.state.Update.Digest {
			return c.manifest
		}
	}
	return nil
}

// act carries out actions, and returns the outcome of a trial if there was one.
// They are carried out in order: a new version serves before the old one drains, so there is always one to call.
func (k *keeper) act(e *entry, actions []life.Action) (outcome life.Event) {
	for _, a := range actions {
		switch a := a.(type) {
		case life.Try:
			outcome = k.try(e, a)
		case life.Clone:
			e.versions[a.To] = e.versions[a.From].clone(a.To)
		case life.Serve:
			e.serving = e.versions[a.Ref]
			k.publish(e)
			k.refreshOffers()
		case life.Inherit:
			e.versions[a.Ref].guest.Connections.Inherit()
		case life.Announce:
			k.publish(e)
			if a.Phase == life.Failed || a.Phase == life.Stopped {
				k.refreshOffers() // the gates of what has failed are shut
			}
			k.news.announce(e.id, a)
			k.keep(e, a.Phase)
		case life.Compile:
			k.compile(e, a.Ref)
		case life.Disconnect:
			e.versions[a.Ref].guest.Connections.Disconnect()
		case life.Drain:
			k.drain(e, a)
		case life.Free:
			e.versions[a.Ref].free()
			delete(e.versions, a.Ref)
		case life.Forget:
			k.host.Forget(e.id)
			k.forgetKept(e.id)
		}
	}
	return outcome
}

// keep copies what has worked, for the start after next.
func (k *keeper) keep(e *entry, now life.Phase) {
	v := e.serving
	if k.kept == nil || now != life.Ready || v == nil || !v.verified.Load() {
		return
	}
	file, _ := manifest.Entry(v.manifest)
	err := k.kept.Put(v.pkg, file, func(text, code []byte) bool {
		sum := sha256.Sum256(code)
		return sha256.Sum256(text) == v.sum && hex.EncodeToString(sum[:]) == v.hash
	})
	if err != nil {
		k.log.Warn("a plugin is not kept for a restart", "plugin", e.id, "error", err)
	}
}

func (k *keeper) forgetKept(id string) {
	if k.kept == nil {
		return
	}
	if err := k.kept.Remove(id); err != nil {
		k.log.Warn("the copy of a plugin that is gone stays", "plugin", id, "error", err)
	}
}

// compile makes a version's machine code and an instance of it, so that its first call does not wait, and what cannot be
// compiled, or dies in its start, is known before it takes anything's place.
func (k *keeper) compile(e *entry, ref life.Ref) {
	v, old := e.versions[ref], e.serving
	k.crew.background(func() func() {
		err := v.code.Compile(k.crew.life)
		died := false
		if err == nil {
			if err = v.probe(k.crew.life); err != nil {
				died = true
				_ = k.table.failed(v, "its start", err) // which becomes the plugin's reason
			} else if old != nil && old != v {
				v.warm(k.crew.life, old)
			}
		}
		outcome := life.Compiled{Ref: ref, Final: died || wit.CodeOf(err) == wit.CodeInvalid}
		if err != nil {
			u := v.refusal(err)
			outcome.Failed = &u
		}
		return func() {
			if why := k.scout.barred.check(&v.pkg, v.manifest); why != nil && outcome.Failed == nil { // since it was tried
				outcome.Failed = v.barred(why)
			}
			k.apply(e, outcome)
		}
	})
}

// drain ends a version's calls.
func (k *keeper) drain(e *entry, a life.Drain) {
	v, heir := e.versions[a.Ref], e.versions[a.Heir]
	k.crew.background(func() func() {
		ctx, cancel := k.crew.draining()
		defer cancel()
		if !v.stop(ctx) {
			k.log.Warn("calls of an old version stopped", "plugin", e.id, "version", v.manifest.Version)
		}
		if heir != nil {
			heir.callers.addStats(v.callers.stats())
		}
		return func() { k.apply(e, life.Drained{Ref: a.Ref}) }
	})
}

// stop drains all plugins, for good. What goes on in the background ends soon, and comes back as tasks.
func (k *keeper) stop() {
	k.stopped = true
	for _, id := range k.ids() {
		k.apply(k.entries[id], life.Stopping{})
	}
	k.crew.end()
}
