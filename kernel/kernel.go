package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Options say what a kernel is to be. Only Log is needed.
type Options struct {
	// StateDir holds everything durable; "" keeps all of it in memory, for tests.
	StateDir string
	// ConfigPath is the config file; "" keeps the settings in memory. ConfigText is what they begin as; without it the
	// file is read.
	ConfigPath string
	ConfigText []byte
	// Override is what this start says over the config file, by flags and the environment. It is called at each
	// reading of the file.
	Override func(*config.Config)
	Version  string
	Log      *logs.Log
	// Builtins are the plugins that come with the gateway.
	Builtins fs.FS
	// Seed are compilations that the build shipped.
	Seed fs.FS
	// Sources are further plugins, such as a test's.
	Sources []source.Source
	// Passphrase protects the credentials where there is no keyring.
	Passphrase string
	// AskPassphrase asks for it, where it is needed and not given; nil asks nobody.
	AskPassphrase func(context.Context) (string, error)
	// Store replaces the database in StateDir. Run closes it.
	Store store.Store
	// Keyring replaces the system's, also where there is no StateDir.
	Keyring secret.Ring
	// Listener replaces the port that Config names.
	Listener net.Listener
	// Egress replaces how plugins reach the network.
	Egress egress.Config
	// CacheDir holds compiled plugins, and whoever can write to it is trusted; "" is StateDir's, where what is
	// compiled is sealed with a key of the vault's.
	CacheDir string
	// Compiler is the command of a process that compiles plugins; nil compiles in this one. See runtime.Config.
	Compiler []string
	// JavaScript is what plugins run on that are scripts.
	JavaScript engine.JavaScript
	// Python is what plugins in Python run on.
	Python engine.Python
	// Crowded reports whether the machine has more to do than it can; nil is never. It must return at once.
	Crowded func() bool
	// Without names services that are left out, with all their methods and events.
	Without []string
}

// dir is a folder in the state directory, or "" when all is kept in memory.
func (o *Options) dir(name string) string {
	if o.StateDir == "" {
		return ""
	}
	return filepath.Join(o.StateDir, name)
}

// Kernel is a gateway. New makes it, Run runs it once.
type Kernel struct {
	o        Options
	log      hclog.Logger
	bus      *event.Bus
	settings *config.Settings
	start    *config.Config // the settings of the start, for what a restart has to put in force
	zone     *time.Location // the owner's
	who      *identities    // that answer
	share    share          // of the memory
	state    state
	platform platform
	wired    *wiring
	services []service.Service
	hooks    *hook.Hooks // nil where the service is left out
	door     door
	url      atomic.Pointer[string]
	up       atomic.Bool // every part runs, and none is being stopped
	closers  closers
}

// New wires a kernel. Nothing runs before Run, except that the port is taken and the state directory is locked, in
// this order: where the port is not to be had, nothing is made. An error releases both; its message is one line
// for the owner.
func New(ctx context.Context, o Options) (*Kernel, error) {
	k := &Kernel{o: o, log: o.Log.Logger(), bus: new(event.Bus)}
	for _, step := range []func(context.Context) error{k.openSettings, k.takePort, k.openState, k.openPlatform, k.openServices, k.openDoor} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, k.closers.close())
		}
	}
	return k, nil
}

// Rest gives back memory that is kept only to be faster. It is for a gateway that nobody has asked for anything for a while, and may be
// called at any time.
func (k *Kernel) Rest() {
	k.door.table.Rest()
	k.wired.sessions.Rest()
	k.state.db.Rest()
}

// openSettings reads the config file. What may be changed while the gateway runs is asked of settings each time.
func (k *Kernel) openSettings(context.Context) (err error) {
	k.settings, err = config.Open(config.Deps{
		Path: k.o.ConfigPath, Text: k.o.ConfigText, Override: k.o.Override, Bus: k.bus, Log: k.log, Changed: k.fileChanged,
	})
	if err != nil {
		return err
	}
	k.start = k.settings.Config()
	if k.share, err = shareOf(k.start.Runtime); err != nil {
		return err
	}
	name := k.start.TimeZone
	if name == "" {
		name = localZone()
	}
	k.zone = location(name)
	k.who = &identities{settings: k.settings, zone: k.zone}
	config.ChangedKind.Subscribe(k.bus, func(config.Changed) { k.o.Log.SetLevel(k.settings.Config().Log.Level) })
	return nil
}

// services lists the system services in the order in which they start; they stop in reverse: delivery while the
// connections that it sends over are open. To add one is its package and a line here.
func (w *wiring) services() []maker {
	return []maker{
		{"audit", true, w.audit}, // it keeps what the others do until they have stopped
		{"hook", true, w.hook},
		{"session", false, w.session},
		{"archive", true, w.archive},
		{"transfer", true, w.transfer},
		{"search", true, w.search},
		{"media", true, w.media},
		{"tts", true, w.tts},
		{"usage", true, w.usage},
		{"approval", false, w.approval},
		{"toolserver", true, w.toolserver},
		{"draft", true, w.draft},
		{"agent", false, w.agent},
		{"run", false, w.run},
		{"chat", false, w.chat},
		{"openai", true, w.openai},
		{"inlet", true, w.inlet},
		{"toolbox", true, w.toolbox},
		{"mcp", true, w.mcp},
		{"control", true, w.control},
		{"inbox", false, w.inbox},
		{"webhook", true, w.webhook},
		{"channel", true, w.channel},
		{"visitor", true, w.visitor},
		{"delivery", true, w.delivery},
		{"directory", true, w.directory},
		{"person", true, w.people},
		{"node", true, w.node},
		{"voicewake", true, w.voicewake},
		{"talk", true, w.talk},
		{"cron", true, w.cron},
		{"heartbeat", true, w.heartbeat},
		{"roster", true, w.makeRoster},
		{"pull", true, w.pull},
		{"task", true, w.task},
		{"offer", true, w.offer},
		{"background", true, w.background},
		{"catalog", true, w.catalog},
		{"system", false, w.system},
		{"wizard", true, w.wizard},
	}
}

// URL is where clients on this machine reach the gateway; it is empty before Run.
func (k *Kernel) URL() string {
	if url := k.url.Load(); url != nil {
		return *url
	}
	return ""
}

// closers are the last things that happen, in reverse order.
type closers []func() error

func (c *closers) add(fn func() error) { *c = append(*c, fn) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i](); err != nil {
			errs = append(errs, fmt.Errorf("close: %w", err))
		}
	}
	*c = nil
	return errors.Join(errs...)
}
