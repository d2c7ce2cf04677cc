package plugin

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// version is one manifest with one code. It does not change but for what it counts.
type version struct {
	manifest    *wit.Manifest
	pkg         source.Package
	rank        int               // of its source
	sum         [sha256.Size]byte // of the manifest's text
	fingerprint string
	engine      engine.Engine
	guest       *host.Guest
	config      *configuration
	schemas     sync.Map                   // of tools' arguments, by name
	report      func(*version, life.Event) // returns at once
	log         hclog.Logger
	ref         life.Ref

	calls    *gate
	callers  callers
	answered atomic.Bool // a call, or was compiled for one; the keeper is told once
	verified atomic.Bool

	mu    sync.Mutex // held while the code is verified
	hash  string
	code  engine.Code // nil before it is verified
	freed bool
}

// verify loads the code and compares it with the manifest. It does so once; concurrent callers wait for the
// first. first is set for the one who did it.
// A failure is not remembered: a file that could not be read for the moment is read again at the next call.
func (v *version) verify(ctx context.Context, i *inspector) (first bool, err error) {
	if v.verified.Load() {
		return false, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verified.Load() {
		return false, nil
	}
	if v.freed {
		return false, wit.Errorf(wit.CodeUnavailable, "plugin %s %s is stopped", v.manifest.ID, v.manifest.Version)
	}
	seen, err := i.inspect(ctx, v)
	if err != nil {
		return false, err
	}
	if err := manifest.Verify(v.manifest, seen.info.Imports, seen.info.Exports); err != nil {
		return false, err
	}
	if v.code, err = v.engine.Load(v.source(seen.hash)); err != nil {
		return false, err
	}
	v.hash = seen.hash
	v.verified.Store(true)
	return true, nil
}

func (v *version) source(hash string) engine.Source {
	file, _ := manifest.Entry(v.manifest)
	return engine.Source{Name: file, Hash: hash, Open: func() ([]byte, error) { return v.pkg.Code(file) }}
}

// caller returns what makes calls of a class; with single instances, each account has its own, and a service its one.
// Instances of one class are not used for another, so that a channel's events do not wait behind its sends.
func (v *version) caller(c wit.Class, account string) (engine.Caller, error) {
	key := string(c)
	if c.Instances() != wit.InstancesSingle && v.instances(c) == wit.InstancesSingle {
		key = "account " + account
	}
	return v.callers.get(key, func() (engine.Caller, error) { return v.code.Start(v.spec(c)) })
}

// instances says how instances for a class of calls are kept.
func (v *version) instances(c wit.Class) wit.Instances {
	if l := v.manifest.Limits; l != nil && l.Instances != nil && c.Instances() != wit.InstancesSingle {
		return *l.Instances
	}
	return c.Instances()
}

// spec says how the engine runs a class of calls. A plugin of a bundle is told which one it is.
func (v *version) spec(c wit.Class) engine.Spec {
	limits := manifest.Limits(v.manifest)
	s := engine.Spec{Plugin: v.manifest.ID, Instances: v.instances(c), Config: v.config.flat(),
		Functions: v.guest.Functions(), HTTP: v.guest.Request, Log: v.guest.Log.Line,
		Memory: limits.Memory, Output: wit.LimitAnswer, Deadline: time.Duration(limits.Deadline) * time.Millisecond, Calls: int(limits.MaxInstances)}
	if _, member := manifest.Entry(v.manifest); member != "" {
		s.Plugin = member
	}
	return s
}

// warm has instances ready for the classes of calls that another version gets, before this one takes its place: the first
// call then waits for none to be made. What cannot be made for now is made with that call.
func (v *version) warm(ctx context.Context, old *version) {
	for _, key := range old.callers.keys() {
		c := wit.Class(key)
		if v.instances(c) != wit.InstancesWarm {
			continue // there is nothing to keep, or somebody's own memory
		}
		if caller, err := v.caller(c, ""); err == nil {
			_ = caller.Warm(ctx)
		}
	}
}

// worked notes that the version has answered a call.
func (v *version) worked() {
	if v.answered.CompareAndSwap(false, true) {
		v.report(v, life.Worked{Ref: v.ref})
	}
}

// stop takes no further calls, waits for those that run until ctx ends, and closes the callers; false when
// calls had to be stopped. The code stays loaded until free.
func (v *version) stop(ctx context.Context) bool {
	ended := v.calls.close(ctx)
	v.callers.close(ctx)
	return ended
}

// free gives the code back, once, after stop, or where nobody has called the version.
func (v *version) free() {
	v.callers.close(context.Background()) // what was warmed
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.code != nil && !v.freed {
		v.code.Release()
	}
	v.freed = true
}

// clone returns the same version anew, to take calls after or beside the last ones of v.
// It loads the code once more, for each version releases its own: freeing one leaves the other its code.
func (v *version) clone(ref life.Ref) *version {
	v.mu.Lock()
	defer v.mu.Unlock()
	next := &version{manifest: v.manifest, pkg: v.pkg, rank: v.rank, sum: v.sum, fingerprint: v.fingerprint, engine: v.engine, guest: v.guest,
		config: v.config, report: v.report, log: v.log, ref: ref, calls: newGate()}
	if !v.verified.Load() {
		return next
	}
	if code, err := v.engine.Load(v.source(v.hash)); err == nil { // else it is verified again, which says why not
		next.code, next.hash = code, v.hash
		next.verified.Store(true)
	}
	return next
}
