package kernel

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/oci"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/depot"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/catalog"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/wit"
)

// platform is what runs plugins.
type platform struct {
	code      *runtime.Engine
	scheduler *schedule.Scheduler
	plugins   *plugin.Registry
	kept      *source.Kept // nil without a state directory
	depot     *depot.Depot
	installer *install.Installer
	network   *egress.Client
	ledger    *catalog.Ledger
}

// openPlatform opens what runs plugins and what they may ask for.
func (k *Kernel) openPlatform(ctx context.Context) error {
	reach := k.o.Egress
	guard := leakGuard{k.state.vault, k.bus, k.log.Named("secret")}
	reach.Media, reach.Leaks = k.state.media, guard.refuse
	network := egress.New(reach)
	k.closers.add(func() error { network.Close(); return nil })
	k.platform.network = network
	compiling := runtime.Config{CacheDir: k.o.CacheDir, Seed: k.o.Seed, Compiler: k.o.Compiler, Logger: k.log.Named("runtime")}
	if k.o.CacheDir == "" {
		compiling.CacheDir, compiling.CacheKey = k.o.dir("cache"), k.state.vault.Key("machine code")
	}
	compiling.Memory = k.share.plugins
	code, err := runtime.New(ctx, compiling)
	if err != nil {
		return err
	}
	k.platform.code = code
	k.closers.add(func() error { return code.Close(context.Background()) })
	p := &k.platform
	if p.ledger, err = catalog.OpenLedger(ctx, k.state.db); err != nil {
		return err
	}
	p.scheduler = schedule.New(schedule.Deps{Store: k.state.db, Claims: k.state.claims, Zone: k.zone, Logger: k.log.Named("schedule")})
	k.wired = newWiring(k)
	guests := host.New(host.Deps{
		Store: k.state.db, Egress: network, Vault: k.state.vault, Schedule: pluginJobs{p.scheduler}, Media: k.state.media, Link: k.wired.mediaLink,
		Messages: pluginMessages{k.wired}, Agents: pluginRuns{k.wired}, Sessions: pluginSessions{k.wired}, Tools: pluginTools{k.wired}, Bus: k.bus, Logger: k.log, Redact: k.state.vault.Redact, Leaks: guard.note,
	})
	k.closers.add(func() error { guests.Close(); return nil })
	if k.o.StateDir != "" {
		p.kept = source.Keep(k.o.dir("kept"))
	}
	if p.depot, err = depot.Open(ctx, k.state.db); err != nil {
		return err
	}
	sources := k.sources()
	p.plugins, err = plugin.Open(ctx, plugin.Deps{
		Engine: engine.Scripts(code, k.o.JavaScript, k.o.Python), Host: guests, Store: k.state.db, Settings: k.settings, Bus: k.bus, Logger: k.log,
		Gateway: k.o.Version, Hooks: k.fired(), Barred: p.ledger.Barred, Sources: sources, Depot: p.depot, Kept: p.kept,
	})
	if err != nil {
		return err
	}
	p.installer = install.New(install.Deps{
		Plugins: p.plugins, Depot: p.depot, Bus: k.bus, Fetch: archives{download{network}, oci.New(network, catalog.Logins{Vault: k.state.vault}.Login)}.fetch, Finder: packages{k.wired},
		Signers: func() map[string]string { return k.settings.Config().Signers }, Enabled: k.settings.PluginEnabled,
	})
	config.ChangedKind.Subscribe(k.bus, func(c config.Changed) {
		if c.Plugin != "" {
			p.plugins.SettingsChanged(c.Plugin)
		}
	})
	p.scheduler.Handle("plugin", schedule.Handler{Fire: pluginFirings{p.plugins, p.scheduler}.fire, Resumable: true})
	return p.plugins.Load(ctx)
}

// fired are the hooks that somebody calls: a plugin that waits for another one is told so.
func (k *Kernel) fired() []wit.HookName {
	if slices.Contains(k.o.Without, "hook") {
		return []wit.HookName{}
	}
	return hook.Fired()
}

// sources lists where plugins come from; a later one's plugin replaces an earlier one's.
func (k *Kernel) sources() []source.Source {
	var list []source.Source
	if k.o.Builtins != nil {
		list = append(list, source.Stock(k.o.Builtins))
	}
	list = append(list, k.platform.depot)
	if k.platform.kept != nil {
		list = append(list, k.platform.kept)
	}
	for _, dir := range k.start.PluginPaths {
		list = append(list, source.Folder(dir))
	}
	if k.o.StateDir != "" {
		list = append(list, source.Inbox(k.o.dir("plugins")))
	}
	return append(list, k.o.Sources...)
}

// location is a time zone by its name, which was checked with the settings.
func location(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return l
}
