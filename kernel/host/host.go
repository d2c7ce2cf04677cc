// Package host is what plugins may ask for: log, config, kv, http, credential, schedule, emit, media.
//
// Each noun is a file; Func is the one adapter between the JSON that crosses the boundary and typed Go. Which
// functions there are and what each needs is generated from the contract (imports.go), and parameters are
// validated against it before a function sees them. A Guest is one plugin with what it was granted: Functions
// gives all imports of the contract, and those that need a permission it lacks are linked to a refusal that
// names the permission. Nothing here asks which plugin it serves beyond its id, its permissions and its
// configuration.
//
// Every function is bounded, in bytes and in rate, and answers errors with a code: invalid for a
// malformed argument, forbidden for a missing permission, too_large, rate_limited with retryAfter. The
// rates belong to the plugin's id and outlive its versions. While a pure export runs (WithCall says
// which one), http is forbidden, so that an event can be handled again with the same outcome.
//
// Credentials never reach a guest: they are filled into requests beyond the boundary, an account's own
// before the plugin's. Everything is safe for concurrent use.
package host

import (
	"context"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Vault finds credentials. account is empty for one that serves all accounts of its owner.
type Vault interface {
	// Get returns the secret, or CodeNotFound.
	Get(ctx context.Context, owner, account, name string) (string, error)
	// Has reports whether Get would return one.
	Has(owner, account, name string) bool
}

// Scheduler keeps the later calls of plugins; what is due goes to Registry.Fire.
type Scheduler interface {
	// Set creates or replaces a job of a plugin and returns when it is due next, in milliseconds.
	Set(ctx context.Context, plugin string, job *wit.ScheduledJob) (next int64, err error)
	// Cancel removes one; a missing one is not an error.
	Cancel(ctx context.Context, plugin, id string) error
	// Jobs lists the ids of a plugin's jobs.
	Jobs(ctx context.Context, plugin string) ([]string, error)
}

// Media describes files of the media store: CodeNotFound for one that is not there.
type Media interface {
	Stat(ctx context.Context, id string) (wit.MediaInfo, error)
}

// Deps is what plugins' questions are answered with. Schedule and Media may be nil: what needs them
// then fails with CodeUnavailable.
type Deps struct {
	Store    store.Store
	Egress   *egress.Client
	Vault    Vault
	Schedule Scheduler
	Media    Media
	Bus      *event.Bus
	Logger   hclog.Logger
	// Redact takes secrets out of what plugins log, before it is cut; nil leaves it as it is.
	Redact func(string) string
}

// Host serves the plugins of one kernel.
type Host struct {
	deps Deps
	mu   sync.Mutex
	used map[string]*meters
}

// New returns a Host.
func New(d Deps) *Host {
	if d.Logger == nil {
		d.Logger = hclog.NewNullLogger()
	}
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	return &Host{deps: d, used: map[string]*meters{}}
}

// Plugin is who asks.
type Plugin struct {
	ID string
	// Permissions are those that are granted.
	Permissions wit.Permissions
	// Config returns the plugin's section, or an account's, without secrets.
	Config func(account string) (wit.JSON, error)
}

// Guest is a plugin with what it may ask for.
type Guest struct {
	Plugin
	host  *Host
	used  *meters
	log   hclog.Logger
	allow egress.Policy // without the owner's origins
}

// Guest returns what p may ask for.
func (h *Host) Guest(p Plugin) *Guest {
	g := &Guest{Plugin: p, host: h, used: h.meters(p.ID), log: h.deps.Logger.Named("plugin." + p.ID)}
	g.allow.Owner = p.ID
	if http := p.Permissions.HTTP; http != nil {
		g.allow.Methods, g.allow.Paths = http.Methods, http.Paths
		for _, name := range http.Hosts {
			if !strings.HasPrefix(name, configHost) {
				g.allow.Hosts = append(g.allow.Hosts, name)
			}
		}
	}
	return g
}

// Forget drops what is kept in memory for a plugin that is gone.
func (h *Host) Forget(id string) {
	h.mu.Lock()
	if m := h.used[id]; m != nil {
		m.open.keep(func(*egress.Conn, string) bool { return false })
	}
	delete(h.used, id)
	h.mu.Unlock()
	if h.deps.Egress != nil {
		h.deps.Egress.Forget(id)
	}
}

func (h *Host) meters(id string) *meters {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.used[id]
	if m == nil {
		m = newMeters()
		h.used[id] = m
	}
	return m
}

// Functions returns every import of the contract by its WebAssembly name.
func (g *Guest) Functions() map[string]Function { return table(g, &g.Permissions) }
