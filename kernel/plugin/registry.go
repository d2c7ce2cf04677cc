package plugin

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
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
	Engine   engine.Engine
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
	Sources []source.Source
	// Kept, which is one of Sources and before those of the owner, gets what works; nil keeps nothing.
	Kept *source.Kept
}

// Times of the registry's own.
const (
	debounce     = 150 * time.Millisecond // between the last change of a folder and a look at it
	maxDebounce  = 600 * time.Millisecond // while it keeps changing
	maxCopying   = 700 * time.Millisecond // how long after a change a broken package may still be incomplete
	drainTimeout = 15 * time.Second       // for calls of an old version
	stopTimeout  = 5 * time.Second        // for calls when the gateway stops
)

// Registry holds the plugins of one kernel. What is asked of it is answered from a table that is never
// locked; what changes it is a task of its keeper's.
type Registry struct {
	sources   []source.Source
	log       hclog.Logger
	table     *table
	grants    *grant.Grants
	inspector *inspector
	mailbox   *mailbox
	keeper    *keeper // of the mailbox's tasks, and of Run between them
	touched   *atomic.Int64
	wake      chan struct{} // says that a source has changed
}

// Open returns a Registry that knows no plugin yet. Errors are the store's.
func Open(ctx context.Context, d Deps) (*Registry, error) {
	if d.Logger == nil {
		d.Logger = hclog.NewNullLogger()
	}
	g, err := grant.Open(ctx, d.Store)
	if err != nil {
		return nil, err
	}
	log, box, seen := d.Logger.Named("plugins"), &mailbox{}, &inspector{}
	news := announcer{d.Bus, log}
	r := &Registry{sources: d.Sources, log: log, mailbox: box, table: newTable(), grants: g, inspector: seen, touched: &atomic.Int64{}, wake: make(chan struct{}, 1)}
	r.keeper = &keeper{mailbox: box, table: r.table, grants: g, settings: d.Settings, host: d.Host, news: news, crew: newCrew(ctx, box), kept: d.Kept,
		scout:   &scout{sources: d.Sources, gateway: d.Gateway, hooks: d.Hooks},
		builder: &builder{engine: d.Engine, host: d.Host, settings: d.Settings, grants: g, inspector: seen, news: news, log: log},
		handles: r, log: log, touched: r.touched, entries: map[string]*entry{}}
	return r, nil
}

// Load looks at all sources once. It reads manifests only, grants what is seen for the first time, and
// returns an error only for what makes the whole registry useless; a bad plugin is failed instead.
func (r *Registry) Load(ctx context.Context) (err error) {
	r.mailbox.do(func() { _, err = r.keeper.look(ctx, false) })
	return err
}

// Run watches the sources until ctx ends, and then drains every plugin. All that changes plugins happens on
// its goroutine; subscribers of plugins.changed are called there and must not wait for a change themselves.
func (r *Registry) Run(ctx context.Context) error {
	var watchers sync.WaitGroup
	for _, s := range r.sources {
		watchers.Go(func() {
			if err := s.Watch(ctx, r.touch); err != nil {
				r.log.Warn("plugins not watched: restart the gateway after a change", "where", s.Name(), "error", err)
			}
		})
	}
	tasks := r.mailbox.attend()
	r.serve(ctx, tasks)
	watchers.Wait()
	r.keeper.stop()
	for r.keeper.crew.pending > 0 {
		<-tasks
		r.mailbox.work()
	}
	r.mailbox.leave()
	return nil
}

// serve does tasks, and looks at the sources a moment after they have changed, until ctx ends.
func (r *Registry) serve(ctx context.Context, tasks <-chan struct{}) {
	r.touch() // what changed between Load and Run
	look := time.NewTimer(time.Hour)
	defer look.Stop()
	var first time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tasks:
			r.mailbox.work()
		case <-r.wake:
			if first.IsZero() {
				first = time.Now()
			}
			look.Reset(min(debounce, max(0, maxDebounce-time.Since(first))))
		case <-look.C:
			first = time.Time{}
			again, err := r.keeper.look(ctx, true)
			if err != nil {
				r.log.Warn("plugins cannot be looked at", "error", err)
			}
			r.keeper.verifyInstalled(ctx)
			if again {
				look.Reset(debounce)
			} else {
				look.Reset(time.Hour)
			}
		}
	}
}

// touch says that something may have changed.
// It never blocks: one signal that waits is as good as several.
func (r *Registry) touch() {
	r.touched.Store(time.Now().UnixNano())
	r.lookAgain()
}

// lookAgain makes Run look at the sources soon.
func (r *Registry) lookAgain() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// SettingsChanged makes Run look again at what is enabled, and makes a plugin's instances start anew
// with their configuration; calls that run or wait end with the old one. It returns at once.
func (r *Registry) SettingsChanged(id string) {
	r.mailbox.post(func() {
		r.keeper.restart(id)
		r.keeper.lookAt(id, true)
	})
	r.lookAgain() // what looked unfinished is tried once more
}

// Settle returns when what SettingsChanged was told before is in force. A subscriber of plugins.changed must not call it.
func (r *Registry) Settle() { r.mailbox.do(func() {}) }

// Grant gives a plugin what its newest package asks for, which then runs. digest names the package, as Info shows it.
// Errors: CodeNotFound, and CodeConflict when nothing waits for a grant, or something else than what is named.
func (r *Registry) Grant(ctx context.Context, id, digest string) (err error) {
	r.mailbox.do(func() { err = r.keeper.grant(ctx, id, digest) })
	r.lookAgain() // what looked unfinished is tried once more
	return err
}

// Rollback puts the version that ran before the last upgrade back, and keeps what replaced it aside with
// the reason. Errors: CodeNotFound, and CodeConflict when there is no version to go back to.
func (r *Registry) Rollback(id, reason string) (err error) {
	r.mailbox.do(func() { err = r.keeper.rollBack(id, reason) })
	return err
}

// Warm verifies and compiles a plugin now, because it is about to be needed. For a version that is known to work
// it does not wait for the keeper. Errors: CodeNotFound, and CodeUnavailable or CodeInvalid with the reason why
// it cannot run.
func (r *Registry) Warm(ctx context.Context, id string) error {
	v, err := r.enter(ctx, id)
	if err != nil {
		return err
	}
	defer v.calls.leave()
	if err := v.code.Compile(ctx); err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid {
			r.mailbox.do(func() { r.keeper.refuse(v, err) })
		}
		return err
	}
	if v.answered.CompareAndSwap(false, true) {
		r.mailbox.do(func() { r.keeper.tell(v, life.Worked{Ref: v.ref}) })
	}
	return nil
}

// current implements versions.
func (r *Registry) current(id string) (*version, error) { return r.table.current(id) }

// enter implements versions. A version that turns out not to run at its first use makes room for the next
// package of its id, which is entered instead.
// The loop ends: each round either returns, or goes on to another version, of which there are as many as packages.
func (r *Registry) enter(ctx context.Context, id string) (*version, error) {
	for {
		v, err := r.table.current(id)
		if err != nil {
			return nil, err
		}
		if !v.calls.enter() {
			continue // it has just been replaced
		}
		first, err := v.verify(ctx, r.inspector)
		if err == nil {
			if first {
				v.report(v, life.Checked{Ref: v.ref})
			}
			return v, nil
		}
		v.calls.leave()
		if ctx.Err() == nil {
			r.mailbox.do(func() { r.keeper.refuse(v, err) })
			if now, _ := r.table.current(id); now != v {
				continue
			}
		}
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s failed: %w", id, err)
	}
}
