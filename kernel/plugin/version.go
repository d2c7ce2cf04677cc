package plugin

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// version is one manifest with one code. It does not change but for its callers and counts.
type version struct {
	manifest    *wit.Manifest
	pkg         Package
	rank        int // of its source
	fingerprint string
	hash        string
	code        Code
	guest       *host.Guest
	config      *schema  // nil when the manifest has none
	schemas     sync.Map // of tools' arguments, by name
	sections    sync.Map // checked configurations, by account
	settings    Settings

	mu       sync.Mutex
	answered atomic.Bool
	verified bool
	callers  map[string]Caller
	past     CallStats // of callers that were closed
	calls    int       // that run
	closing  bool
	drained  chan struct{} // closed when closing and no call runs
	release  sync.Once
}

// enter begins a call; false once the version is being drained.
func (v *version) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closing {
		return false
	}
	v.calls++
	return true
}

func (v *version) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.calls--; v.calls == 0 && v.closing {
		close(v.drained)
	}
}

// caller returns what makes calls of a class; with single instances, each account has its own.
func (v *version) caller(c wit.Class, account string) (Caller, error) {
	key := string(c)
	if v.instances(c) == wit.InstancesSingle {
		key = "account " + account
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if running := v.callers[key]; running != nil {
		return running, nil
	}
	made, err := v.code.Start(v.spec(c))
	if err == nil {
		v.callers[key] = made
	}
	return made, err
}

// instances says how instances for a class of calls are kept.
func (v *version) instances(c wit.Class) wit.Instances {
	if l := v.manifest.Limits; l != nil && l.Instances != nil {
		return *l.Instances
	}
	return c.Instances()
}

func (v *version) spec(c wit.Class) Spec {
	limits := wit.Limits{}
	if v.manifest.Limits != nil {
		limits = *v.manifest.Limits
	}
	s := Spec{Plugin: v.manifest.ID, Instances: v.instances(c), Functions: v.guest.Functions(), HTTP: v.guest.Request, Log: v.guest.Log,
		Memory: limits.Memory, Deadline: time.Duration(limits.Deadline) * time.Millisecond, Calls: int(limits.MaxInstances)}
	if _, member := entryOf(v.manifest); member != "" {
		s.Plugin = member
	}
	if s.Memory == 0 {
		s.Memory = wit.LimitsMemoryDefault
	}
	if s.Deadline == 0 {
		s.Deadline = wit.LimitsDeadlineDefault * time.Millisecond
	}
	if s.Calls == 0 {
		s.Calls = wit.LimitsMaxInstancesDefault
	}
	s.Config = flatten(v.settings.PluginConfig(v.manifest.ID), v.config)
	return s
}

// flatten gives the fields of a configuration as Extism's config knows them: strings as they are, other
// values as JSON.
func flatten(config wit.JSON, s *schema) map[string]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(s.strip(config), &fields) != nil {
		return nil
	}
	out := make(map[string]string, len(fields))
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		out[name] = text
	}
	return out
}

// section returns the plugin's configuration, or an account's, checked and without secrets.
func (v *version) section(account string) (wit.JSON, error) {
	id := v.manifest.ID
	value, where := v.settings.PluginConfig(id), "config of "+id
	if account != "" {
		of, ok := v.settings.AccountConfig(id, account)
		if !ok {
			return nil, wit.Errorf(wit.CodeNotFound, "%s has no account %q: set it up first", id, account)
		}
		value, where = of, "config of "+id+", account "+account
	}
	if v.config == nil {
		return value, nil
	}
	if known, ok := v.sections.Load(account); ok {
		if c, _ := known.(*section); c != nil && string(c.raw) == string(value) {
			return c.value, c.err
		}
	}
	c := &section{raw: value, value: v.config.strip(value)}
	if describes(v.manifest, account) {
		if err := v.config.check(c.value); err != nil {
			c.value, c.err = nil, wit.Errorf(wit.CodeInvalid, "%s: %w", where, err)
		}
	}
	v.sections.Store(account, c)
	return c.value, c.err
}

// section is a configuration as it was checked last.
type section struct {
	raw, value wit.JSON
	err        error
}

// stop takes no further calls, waits for those that run until ctx ends, and closes the callers. The
// code stays loaded until free.
func (v *version) stop(ctx context.Context) error {
	v.mu.Lock()
	if !v.closing {
		v.closing = true
		if v.calls == 0 {
			close(v.drained)
		}
	}
	v.mu.Unlock()
	var err error
	select {
	case <-v.drained:
	case <-ctx.Done():
		err = wit.Errorf(wit.CodeTimeout, "plugin %s %s: calls that did not end were stopped", v.manifest.ID, v.manifest.Version)
	}
	v.closeCallers(ctx)
	return err
}

func (v *version) closeCallers(ctx context.Context) {
	v.mu.Lock()
	old := v.callers
	v.callers = map[string]Caller{}
	v.mu.Unlock()
	for _, c := range old {
		_ = c.Close(ctx) // what had to be stopped fails on its own
		v.mu.Lock()
		stats := c.Stats()
		stats.Instances = 0
		v.past.add(stats)
		v.mu.Unlock()
	}
}

// free gives the code back, after stop.
func (v *version) free() {
	v.release.Do(func() {
		if v.code != nil {
			v.code.Release()
		}
	})
}

// absorb adds the figures of the version that v goes on from.
func (v *version) absorb(past CallStats) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.past.add(past)
}

func (v *version) stats() CallStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.past
	for _, c := range v.callers {
		s.add(c.Stats())
	}
	return s
}

// started reports whether anything has been called.
func (v *version) started() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.callers) > 0
}

// again returns the same version anew, to take calls after or beside the last ones of v. The code is
// its own from then on.
func (v *version) again() *version {
	v.release.Do(func() {})
	v.mu.Lock()
	defer v.mu.Unlock()
	next := &version{manifest: v.manifest, pkg: v.pkg, rank: v.rank, fingerprint: v.fingerprint, hash: v.hash, code: v.code, guest: v.guest,
		config: v.config, settings: v.settings, verified: v.verified, callers: map[string]Caller{}, drained: make(chan struct{})}
	next.answered.Store(v.answered.Load())
	return next
}
