package plugin

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Settings is what the owner configured.
type Settings interface {
	PluginEnabled(id string) bool
	// PluginConfig returns the plugin's section, `{}` or nil where nothing is said.
	PluginConfig(id string) wit.JSON
	// AccountConfig returns the section of a channel's account, and whether there is such an account.
	AccountConfig(id, account string) (wit.JSON, bool)
}

// Deps is what a Registry stands on.
type Deps struct {
	Engine   Engine
	Host     *host.Host
	Store    store.Store
	Settings Settings
	Bus      *event.Bus
	Logger   hclog.Logger
	// Gateway is this gateway's version, for the manifests' host range.
	Gateway string
	// Hooks are those that this gateway fires; a plugin that waits for another one is failed. nil is all.
	Hooks []wit.HookName
	// Sources in order: a later one's plugin replaces an earlier one's of the same id.
	Sources []Source
}

// Times of the registry's own.
const (
	debounce     = 150 * time.Millisecond // between the last change of a folder and a look at it
	maxDebounce  = 600 * time.Millisecond // while it keeps changing
	settle       = 700 * time.Millisecond // how long after a change a broken package may still be incomplete
	drainTimeout = 15 * time.Second       // for calls of an old version
	stopTimeout  = 5 * time.Second        // for calls when the gateway stops
)

// Registry holds the plugins of one kernel.
type Registry struct {
	deps   Deps
	log    hclog.Logger
	grants *grants

	loading sync.Mutex // held while entries change
	mu      sync.RWMutex
	entries map[string]*entry
	offers  atomic.Pointer[offers]
	wake    chan struct{}
	changed atomic.Int64 // when a source last changed, in nanoseconds
	hashes  hashes
	running running
	life    context.Context // ends when Run does
	end     context.CancelFunc
}

// Open returns a Registry that knows no plugin yet. Errors are the store's.
func Open(ctx context.Context, d Deps) (*Registry, error) {
	if d.Logger == nil {
		d.Logger = hclog.NewNullLogger()
	}
	g, err := openGrants(ctx, d.Store)
	if err != nil {
		return nil, err
	}
	r := &Registry{deps: d, log: d.Logger.Named("plugins"), grants: g, entries: map[string]*entry{}, wake: make(chan struct{}, 1)}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.offers.Store(&offers{})
	return r, nil
}

// Load looks at all sources once. It reads manifests only, grants what is seen for the first time, and
// returns an error only for what makes the whole registry useless; a bad plugin is failed instead.
func (r *Registry) Load(ctx context.Context) error {
	_, err := r.reconcile(ctx, pass{})
	return err
}

// Run watches the sources until ctx ends, and then drains every plugin.
func (r *Registry) Run(ctx context.Context) error {
	var watchers sync.WaitGroup
	for _, s := range r.deps.Sources {
		watchers.Go(func() {
			if err := s.Watch(ctx, r.touch); err != nil {
				r.log.Warn("plugins are not watched: restart the gateway after a change", "where", s.Name(), "error", err)
			}
		})
	}
	r.watch(ctx)
	watchers.Wait()
	r.end()
	r.running.wait()
	r.stop()
	return nil
}

// SettingsChanged makes Run look again at what is enabled, and makes a plugin's instances start anew
// with their configuration; calls that run or wait end with the old one. It returns at once.
func (r *Registry) SettingsChanged(id string) {
	r.running.Go(func() { r.restart(id) })
	r.touch()
}

func (r *Registry) restart(id string) {
	r.loading.Lock()
	e := r.entry(id)
	var old *version
	if e != nil {
		old = e.current.Load()
	}
	if old == nil || !old.started() {
		r.loading.Unlock()
		return
	}
	next := old.again()
	e.current.Store(next)
	r.loading.Unlock()
	ctx, cancel := r.draining()
	defer cancel()
	if err := old.stop(ctx); err != nil {
		r.log.Warn("calls with the old configuration were stopped", "plugin", id, "error", err)
	}
	next.absorb(old.stats())
}

// touch says that something may have changed.
func (r *Registry) touch() {
	r.changed.Store(time.Now().UnixNano())
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Registry) watch(ctx context.Context) {
	r.touch() // what changed between Load and Run
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			if first.IsZero() {
				first = time.Now()
			}
			timer.Reset(min(debounce, max(0, maxDebounce-time.Since(first))))
		case <-timer.C:
			first = time.Time{}
			again, err := r.reconcile(ctx, pass{live: true})
			if err != nil {
				r.log.Warn("plugins cannot be looked at", "error", err)
			}
			if again {
				timer.Reset(debounce)
			} else {
				timer.Reset(time.Hour)
			}
		}
	}
}

// draining bounds the wait for calls of an old version, further once the gateway stops.
func (r *Registry) draining() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	unhook := context.AfterFunc(r.life, func() { time.AfterFunc(stopTimeout, cancel) })
	return ctx, func() {
		unhook()
		cancel()
	}
}

// stop drains all plugins.
func (r *Registry) stop() {
	r.loading.Lock()
	defer r.loading.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, e := range r.all() {
		v := e.current.Swap(nil)
		e.dropPrevious(nil)
		if v == nil {
			continue
		}
		r.set(e, StateDraining, v.manifest.Version, "the gateway stops")
		all.Go(func() {
			_ = v.stop(ctx)
			v.free()
			r.set(e, StateStopped, v.manifest.Version, "the gateway stops")
		})
	}
	all.Wait()
}

func (r *Registry) entry(id string) *entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.entries[id]
}

// all returns the entries sorted by id.
func (r *Registry) all() []*entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]*entry, 0, len(r.entries))
	for _, e := range r.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	return list
}

// running is work in the background, which stop waits for.
type running struct {
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// Go runs f beside the caller, unless the registry is stopping.
func (b *running) Go(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.work.Go(f)
	}
}

func (b *running) wait() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.work.Wait()
}
