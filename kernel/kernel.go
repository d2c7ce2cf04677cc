package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Options say what a kernel is to be. Only Config and Log are needed.
type Options struct {
	// StateDir holds everything durable; "" keeps all of it in memory, for tests.
	StateDir   string
	Config     *config.Config
	ConfigPath string
	Version    string
	Log        *logs.Log
	// Builtins are the plugins that come with the gateway.
	Builtins fs.FS
	// Seed are compilations that the build shipped.
	Seed fs.FS
	// Sources are further plugins, such as a test's.
	Sources []source.Source
	// Passphrase protects the credentials where there is no keyring.
	Passphrase string
	// Listener replaces the port that Config names.
	Listener net.Listener
	// Egress replaces how plugins reach the network.
	Egress egress.Config
	// CacheDir holds compiled plugins; "" is StateDir's.
	CacheDir string
}

// Kernel is a gateway. New makes it, Run runs it once.
type Kernel struct {
	o    Options
	log  hclog.Logger
	bus  *event.Bus
	zone string
	url  atomic.Pointer[string]

	db        store.Store
	vault     *secret.Vault
	settings  *config.Settings
	media     *media.Store
	egress    *egress.Client
	engine    *runtime.Engine
	scheduler *schedule.Scheduler
	host      *host.Host
	plugins   *plugin.Registry
	hooks     *hook.Hooks
	sessions  *session.Service
	inbox     *inbox.Service
	runs      *run.Service
	models    *agent.Models
	agent     *agent.Service
	chat      *chat.Service
	channels  *channel.Service
	outbox    *delivery.Queue
	delivery  *delivery.Service
	cron      *cron.Service
	system    *system.Service
	presence  *gateway.Presence
	auth      *auth.Auth
	table     *rpc.Table
	metrics   *prometheus.Registry
	gateway   *gateway.Gateway
	listener  net.Listener

	recent  atomic.Pointer[session.Overview]
	changes atomic.Uint64 // of sessions

	closers []func() error
}

// New wires a kernel. Nothing runs and nothing listens before Run, except that the state directory is
// locked and the port is taken. An error releases both; its message is one line for the owner.
func New(ctx context.Context, o Options) (*Kernel, error) {
	k := &Kernel{o: o, log: o.Log.Logger(), bus: new(event.Bus), zone: o.Config.TimeZone}
	if k.zone == "" {
		k.zone = localZone()
	}
	for _, step := range []func(context.Context) error{
		k.openState, k.openPlugins, k.openServices, k.openGateway,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	return k, nil
}

// openState opens what is durable.
func (k *Kernel) openState(ctx context.Context) (err error) {
	if k.db, err = k.openStore(ctx); err != nil {
		return err
	}
	k.closing(k.db.Close)
	keyring := k.o.StateDir != "" && (k.o.Config.Secrets.Keyring == nil || *k.o.Config.Secrets.Keyring)
	k.vault, err = secret.Open(ctx, secret.Config{
		Store: k.db, StateDir: k.o.StateDir, Passphrase: k.o.Passphrase, Keyring: keyring, Logger: k.log.Named("secret"),
	})
	if err != nil {
		return err
	}
	k.o.Log.Redact(k.vault.Redact)
	k.settings, err = config.NewSettings(ctx, k.o.Config, k.db, k.bus)
	return err
}

func (k *Kernel) openStore(ctx context.Context) (store.Store, error) {
	if k.o.StateDir == "" {
		return store.OpenMemory(), nil
	}
	if err := os.MkdirAll(k.o.StateDir, 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "make the state directory: %w", err)
	}
	return store.Open(ctx, filepath.Join(k.o.StateDir, databaseFile), store.Options{Logger: k.log.Named("store")})
}

// openPlugins opens what runs plugins and what they may ask for.
func (k *Kernel) openPlugins(ctx context.Context) (err error) {
	if err := k.openMedia(ctx); err != nil {
		return err
	}
	reach := k.o.Egress
	reach.Media = k.media
	k.egress = egress.New(reach)
	k.closing(func() error { k.egress.Close(); return nil })
	cache := k.o.CacheDir
	if cache == "" {
		cache = k.dir("cache")
	}
	if k.engine, err = runtime.New(ctx, runtime.Config{CacheDir: cache, Seed: k.o.Seed, Logger: k.log.Named("runtime")}); err != nil {
		return err
	}
	k.closing(func() error { return k.engine.Close(context.Background()) })
	k.scheduler = schedule.New(schedule.Deps{Store: k.db, Zone: k.location(), Logger: k.log.Named("schedule")})
	k.host = host.New(host.Deps{
		Store: k.db, Egress: k.egress, Vault: k.vault, Schedule: pluginJobs{k.scheduler}, Media: k.media, Bus: k.bus, Logger: k.log,
	})
	k.plugins, err = plugin.Open(ctx, plugin.Deps{
		Engine: engine.WASM(k.engine), Host: k.host, Store: k.db, Settings: k.settings, Bus: k.bus, Logger: k.log,
		Gateway: k.o.Version, Hooks: hook.Fired(), Sources: k.sources(),
	})
	if err != nil {
		return err
	}
	config.ChangedKind.Subscribe(k.bus, func(c config.Changed) { k.plugins.SettingsChanged(c.Plugin) })
	k.scheduler.Handle("plugin", schedule.Handler{Fire: k.firePlugin, Resumable: true})
	if err := k.plugins.Load(ctx); err != nil {
		return err
	}
	for _, problem := range k.checkSections() {
		k.log.Error("config section unusable", "problem", problem)
	}
	return nil
}

func (k *Kernel) openMedia(ctx context.Context) (err error) {
	if dir := k.dir("media"); dir != "" {
		k.media, err = media.Open(ctx, dir, k.db, media.Limits{}, k.log.Named("media"))
	} else {
		k.media, err = media.OpenMemory(ctx, k.db, media.Limits{})
	}
	return err
}

// sources lists where plugins come from; a later one's plugin replaces an earlier one's.
func (k *Kernel) sources() []source.Source {
	var list []source.Source
	if k.o.Builtins != nil {
		list = append(list, source.Stock(k.o.Builtins))
	}
	for _, dir := range k.o.Config.PluginPaths {
		list = append(list, source.Folder(dir))
	}
	if k.o.StateDir != "" {
		list = append(list, source.Folder(k.dir("plugins")))
	}
	return append(list, k.o.Sources...)
}

// openServices wires the services, each to those below it.
func (k *Kernel) openServices(context.Context) error {
	k.presence = gateway.NewPresence(k.o.Version)
	k.hooks = hook.New(k.hookPlugins, k.log)
	k.sessions = session.New(session.Deps{
		Store: k.db, Bus: k.bus, Queue: run.SessionQueue{}, Settings: k.sessionSettings, Log: k.log,
	})
	session.Changes.Subscribe(k.bus, func(session.ChangedEvent) { k.forgetOverview() })
	plugin.ChangedKind.Subscribe(k.bus, func(plugin.Changed) { k.forgetOverview() })
	config.ChangedKind.Subscribe(k.bus, func(config.Changed) { k.forgetOverview() })
	k.outbox = delivery.NewQueue()
	k.models = agent.NewModels(providers{k}, k.agentSettings, k.log)
	k.agent = agent.New(agent.Deps{
		Sessions: k.sessions, Models: k.models, Tools: tools{k.plugins}, Hooks: k.hooks, Outbox: k.outbox,
		Observer: chat.NewWriter(k.bus, watchers{k}), Typing: typing{k.plugins}, Settings: k.agentSettings, Log: k.log,
	})
	k.runs = run.New(run.Deps{
		Store: k.db, Sessions: k.sessions, Executor: k.agent, Claims: new(claim.Local), Log: k.log, Parallel: k.o.Config.Agent.MaxConcurrent,
	})
	k.chat = chat.New(chat.Deps{
		Store: k.db, Bus: k.bus, Sessions: k.sessions, Runs: k.runs, Models: k.models, Media: k.media, Settings: k.agentSettings,
	})
	config.ChangedKind.Subscribe(k.bus, func(c config.Changed) { k.models.Forget(c.Plugin) })
	plugin.ChangedKind.Subscribe(k.bus, func(c plugin.Changed) {
		if c.State == plugin.StateReady {
			k.models.Forget(c.ID)
		}
	})
	k.inbox = inbox.New(inbox.Deps{
		Store: k.db, Log: k.log, Acceptor: agent.NewIntake(k.sessions, k.runs), Outbox: k.outbox, Accounts: known{k}, Redact: k.vault.Redact,
	})
	k.channels = channel.New(channel.Deps{
		Bus: k.bus, Log: k.log, Plugins: channelPlugins{k.plugins}, Settings: accounts{k.settings}, Credentials: k.vault,
		Inbox: k.inbox, DeadLetters: k.inbox.DeadLetters(), Dialer: dialer{k.plugins}, Redact: k.vault.Redact,
	})
	k.delivery = delivery.New(delivery.Deps{
		Store: k.db, Bus: k.bus, Log: k.log, Queue: k.outbox, Accounts: k.channels, Senders: senders{k.plugins}, Hooks: outgoing{k.hooks},
		Media: k.media, Redact: k.vault.Redact, Hold: k.o.Config.Delivery.AfterCrash == "hold",
	})
	k.cron = cron.New(cron.Deps{Scheduler: k.scheduler, Bus: k.bus, Events: jobs{k.runs}, Turns: jobs{k.runs}, StorePath: k.dir(databaseFile)})
	k.system = system.New(system.Deps{
		Version: k.o.Version, URL: k.URL, StateDir: k.o.StateDir, ConfigPath: k.o.ConfigPath, Agent: config.DefaultAgent,
		Settings: k.settings, Log: k.o.Log, Sessions: k.overview, Defaults: k.defaults, Plugins: k.pluginList, Accounts: k.accountList,
		Queues: k.queues, CheckStore: k.checkStore, CheckConfig: k.plugins.CheckConfig, CheckSections: k.checkSections, PutSecret: k.putSecret,
	})
	return nil
}

// location is the owner's time zone; its name was checked with the settings.
func (k *Kernel) location() *time.Location {
	l, err := time.LoadLocation(k.zone)
	if err != nil {
		return time.UTC
	}
	return l
}

// dir is a folder in the state directory, or "" when all is kept in memory.
func (k *Kernel) dir(name string) string {
	if k.o.StateDir == "" {
		return ""
	}
	return filepath.Join(k.o.StateDir, name)
}

// URL is where clients on this machine reach the gateway; it is empty before Run.
func (k *Kernel) URL() string {
	if url := k.url.Load(); url != nil {
		return *url
	}
	return ""
}

// closing makes fn one of the last things that happen, in reverse order.
func (k *Kernel) closing(fn func() error) { k.closers = append(k.closers, fn) }

func (k *Kernel) close() error {
	var errs []error
	for i := len(k.closers) - 1; i >= 0; i-- {
		if err := k.closers[i](); err != nil {
			errs = append(errs, fmt.Errorf("close: %w", err))
		}
	}
	k.closers = nil
	return errors.Join(errs...)
}
