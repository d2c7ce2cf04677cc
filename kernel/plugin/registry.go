package plugin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/grant"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Settings is what the owner configured.
type Settings interface {
	PluginEnabled(id string) bool
	// Fault says what is wrong with what the owner wrote of a plugin, or of a channel's account, for which that must not run; ""
	// where nothing is. The log has it already.
	Fault(id, account string) string
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
	// Barred says why an installed plugin's content of this digest must not run, "" where it may; nil bars nothing.
	Barred func(id, digest string) string
	// Sources in order: a later one's plugin replaces an earlier one's of the same id.
	Sources []source.Source
	// Depot, which is one of Sources, has what is installed.
	Depot *depot.Depot
	// Kept, which is one of Sources and before those of the owner, gets what works; nil keeps nothing.
	Kept *source.Kept
}

// Times of the registry's own.
const (
	passingRetry = time.Second            // between looks at a package that a failing disk keeps from running
	debounce     = 10 * time.Millisecond  // between the last change of a folder and a look at it
	recheck      = 40 * time.Millisecond  // between looks at a package that may be incomplete
	maxDebounce  = 600 * time.Millisecond // while it keeps changing
	maxCopying   = 700 * time.Millisecond // how long after a change a broken package may still be incomplete
	drainTimeout = 15 * time.Second       // for calls of an old version
	stopTimeout  = 5 * time.Second        // for calls when the gateway stops
)

// Registry holds the plugins of one kernel. What is asked of it is answered from a table that is never
// locked; what changes it is a task of its keeper's.
type Registry struct {
	table    *table
	grants   *grant.Grants
	versions *finder // what its handles find versions by
	mailbox  *mailbox
	keeper   *keeper // of the mailbox's tasks, and of Run between them
	watch    *watch
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
	log, box, seen, touched := d.Logger.Named("plugins"), &mailbox{}, &inspector{}, &atomic.Int64{}
	news := announcer{d.Bus, log, d.Settings}
	find := &finder{table: newTable(), inspector: seen, mailbox: box}
	k := &keeper{mailbox: box, table: find.table, grants: g, settings: d.Settings, host: d.Host, news: news, crew: newCrew(ctx, box), kept: d.Kept, depot: d.Depot,
		scout:    &scout{sources: d.Sources, gateway: d.Gateway, hooks: d.Hooks, barred: d.Barred},
		builder:  &builder{engine: d.Engine, host: d.Host, settings: d.Settings, grants: g, inspector: seen, news: news, log: log},
		versions: find, log: log, touched: touched, entries: map[string]*entry{}}
	find.keeper = k // the two know each other: one asks for changes, the other verifies through it
	return &Registry{table: find.table, grants: g, versions: find, mailbox: box, keeper: k,
		watch: &watch{sources: d.Sources, mailbox: box, keeper: k, log: log, touched: touched, wake: make(chan struct{}, 1)}}, nil
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
	tasks := r.mailbox.attend()
	r.watch.run(ctx, tasks)
	r.keeper.stop()
	for r.keeper.crew.pending > 0 {
		<-tasks
		r.mailbox.work()
	}
	r.mailbox.leave()
	return nil
}

// SettingsChanged makes Run look again at what is enabled, and makes a plugin's instances start anew
// with their configuration; calls that run or wait end with the old one. It returns at once.
func (r *Registry) SettingsChanged(id string) {
	r.mailbox.post(func() {
		r.keeper.restart(id)
		r.keeper.lookAt(id, true)
	})
	r.watch.lookAgain() // what looked unfinished is tried once more
}

// Settle returns when what SettingsChanged was told before is in force. A subscriber of plugins.changed must not call it.
func (r *Registry) Settle() { r.mailbox.do(func() {}) }

// Grant gives a plugin what its newest package asks for, which then runs. digest names the package, as Info shows it.
// Errors: CodeNotFound, and CodeConflict when nothing waits for a grant, or something else than what is named.
func (r *Registry) Grant(ctx context.Context, id, digest string) (err error) {
	r.mailbox.do(func() { err = r.keeper.grant(ctx, id, digest) })
	r.watch.lookAgain() // what looked unfinished is tried once more
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
func (r *Registry) Warm(ctx context.Context, id string) error { return r.versions.warm(ctx, id) }
