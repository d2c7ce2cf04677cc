// Package host is what plugins may ask for: log, config, kv, http, socket, credential, schedule, emit, progress, media,
// message, agent, session, tools.
//
// Each noun is a file and a type in it, which owns what that noun needs to know. Which functions there are, what each
// takes and what permission it needs is generated from the contract (imports.go): an interface for each noun, which
// its type implements, and the table that links them. Func is the one adapter between the JSON that crosses
// the boundary and typed Go, and validates parameters before a function sees them.
//
// A Guest is one version of a plugin with what it was granted. What all versions have together is made once for the
// plugin's id and lent to each: rates and connections outlive an upgrade. Nothing here asks which
// plugin it serves beyond its id, its permissions and its configuration.
//
// Every function is bounded, in bytes and in rate, and answers errors with a code: invalid for a
// malformed argument, forbidden for a missing permission, too_large, rate_limited with retryAfter. While a pure
// export runs (WithCall says which one), http and sockets are forbidden, so that an event can be handled again with the same
// outcome.
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
	"github.com/carapace-gateway/carapace/kernel/oauth"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what plugins' questions are answered with. Schedule, Media, Messages, Agents, Sessions and Tools may be nil: what needs them
// then fails with CodeUnavailable.
type Deps struct {
	Store    store.Store
	Egress   *egress.Client
	Vault    Vault
	Schedule Scheduler
	Media    Media
	Link     Link // of a file; nil gives none
	Messages Messages
	Agents   Agents
	Sessions Sessions
	Tools    Tools
	Bus      *event.Bus
	Logger   hclog.Logger
	// Redact takes secrets out of what plugins log and report, before it is cut; nil leaves it as it is.
	Redact func(string) string
	// Leaks is told what plugins log, before it is redacted; nil is nobody. It has to be quick.
	Leaks func(plugin, text string)
}

// Host serves the plugins of one kernel.
type Host struct {
	deps   Deps
	tokens *oauth.Keeper

	mu      sync.Mutex
	lasting map[string]*lasting // by the plugin's id
}

// lasting is what a plugin has over its versions: how much it has used of its rates, and what it has open.
type lasting struct {
	log      *Log
	emitter  *emitter
	requests *bucket
	writes   *bucket // of records
	jobs     *bucket // changes of them
	signing  *bucket
	messages *bucket
	runs     *bucket
	reads    *bucket // of sessions
	calls    *bucket // of tools
	places   places
	open     *openConnections
}

// New returns a Host.
func New(d Deps) *Host {
	if d.Logger == nil {
		d.Logger = hclog.NewNullLogger()
	}
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	if d.Leaks == nil {
		d.Leaks = func(string, string) {}
	}
	return &Host{deps: d, tokens: oauth.New(d.Vault, d.Logger.Named("oauth")), lasting: map[string]*lasting{}}
}

// Close waits for the access tokens that are being got.
func (h *Host) Close() { h.tokens.Close() }

// of returns what a plugin has over its versions, which begins with its first one.
func (h *Host) of(id string) *lasting {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lasting[id]
	if l == nil {
		l = &lasting{
			log: newLog(h.deps.Logger.Named("plugin."+id), h.deps.Redact, func(text string) { h.deps.Leaks(id, text) }), emitter: newEmitter(id, h.deps.Bus),
			requests: newBucket(wit.LimitHTTPPerSecond, wit.LimitHTTPBurst), places: newPlaces(), open: newOpenConnections(),
			writes:   newBucket(wit.LimitKVWritesPerSecond, wit.LimitKVWriteBurst),
			jobs:     newBucket(wit.LimitSchedulePerSecond, wit.LimitScheduleBurst),
			signing:  newBucket(wit.LimitCredentialSignaturesPerSecond, wit.LimitCredentialSignatureBurst),
			messages: newBucket(wit.LimitMessagePerMinute/60., wit.LimitMessageBurst),
			runs:     newBucket(wit.LimitAgentPerMinute/60., wit.LimitAgentBurst),
			reads:    newBucket(wit.LimitSessionPerSecond, wit.LimitSessionBurst),
			calls:    newBucket(wit.LimitToolsPerMinute/60., wit.LimitToolsBurst),
		}
		h.lasting[id] = l
	}
	return l
}

// Forget ends what a plugin has going when the owner has removed it: what is kept in memory for it, its connections and
// its jobs, which nobody could be called for. Its records stay: who takes a plugin away to put another build of it
// there expects to find them.
func (h *Host) Forget(id string) {
	h.mu.Lock()
	if l := h.lasting[id]; l != nil {
		l.open.closeAll()
	}
	delete(h.lasting, id)
	h.mu.Unlock()
	h.tokens.Forget(id)
	if h.deps.Egress != nil {
		h.deps.Egress.Forget(id)
	}
	if h.deps.Schedule == nil {
		return
	}
	if err := h.deps.Schedule.Forget(context.Background(), id); err != nil {
		h.deps.Logger.Warn("jobs of a removed plugin are still there: each ends when it is due", "plugin", id, "error", err)
	}
}

// Plugin is who asks.
type Plugin struct {
	ID string
	// Permissions are those that are granted.
	Permissions wit.Permissions
	// OAuth2 are the recipes of its access tokens.
	OAuth2 []wit.OAuth2Recipe
	// Config returns what the owner wrote in the plugin's section, or an account's, without secrets.
	Config func(account string) (wit.JSON, error)
	// Filled returns the same with the defaults of the schema in it, as the guest gets it.
	Filled func(account string) (wit.JSON, error)
	// Schema is that of a section, nil without one.
	Schema wit.JSON
}

// Guest is a version of a plugin with what it may ask for. The fields are for the kernel, which logs, makes requests
// and keeps connections for plugins too, under the same permissions and at the same rates.
type Guest struct {
	Plugin
	Log         *Log
	HTTP        *HTTP
	Connections *Connections
	Credentials *Credentials
	config      configuration
	imports     imports
}

// Guest returns what p may ask for.
func (h *Host) Guest(p Plugin) *Guest {
	l, config := h.of(p.ID), configuration{p.Config, p.Filled, p.Schema}
	reach := newReach(p, config, l.requests)
	credentials := newCredentials(p, h.deps.Vault, l.signing, tokens{p.ID, p.OAuth2, h.tokens, config, reach, h.deps.Egress})
	g := &Guest{
		Plugin: p, Log: l.log, Credentials: credentials, config: config,
		HTTP:        &HTTP{reach: reach, credentials: credentials, client: h.deps.Egress, places: l.places},
		Connections: &Connections{plugin: p.ID, reach: reach, credentials: credentials, client: h.deps.Egress, open: l.open},
	}
	g.imports = imports{
		log: l.log, config: config, kv: newKV(p.ID, h.deps.Store, l.writes), http: g.HTTP, socket: h.sockets(p, g, credentials), credential: credentials,
		schedule: schedule{p.ID, h.deps.Schedule, l.jobs}, emit: l.emitter, progress: progress{h.deps.Redact}, media: files{h.deps.Media, h.deps.Link},
		message: messages{p.ID, p.Permissions.MessageSend, p.Permissions.Media != nil, h.deps.Messages, l.messages},
		agent:   agents{p.ID, p.Permissions.AgentRun, p.Permissions.MessageSend, h.deps.Agents, l.runs},
		session: sessions{p.ID, p.Permissions.SessionRead, h.deps.Sessions, l.reads},
		tools:   invocations{p.ID, p.Permissions.ToolInvoke, h.deps.Tools, l.calls},
	}
	return g
}

// sockets are those that a plugin may open, and write files on with the permission media.
func (h *Host) sockets(p Plugin, g *Guest, c *Credentials) sockets {
	k := sockets{connections: g.Connections, credentials: c}
	if p.Permissions.Media != nil {
		k.media = h.deps.Media
	}
	return k
}

// Setting returns the text in a field of an account's section, or of the plugin's, or the field's default; "" where none has it.
func (g *Guest) Setting(account, field string) string { return g.config.setting(account, field) }

// Functions returns every import of the contract by its WebAssembly name. What they refuse is logged.
func (g *Guest) Functions() map[string]Function {
	table := g.imports.table(g.ID, &g.Permissions)
	for name, fn := range table {
		table[name] = func(ctx context.Context, in []byte) ([]byte, error) {
			out, err := fn(ctx, in)
			g.refused(ctx, name, err)
			return out, err
		}
	}
	return table
}

// Request is http_request for a guest that asks by another import than the contract's.
func (g *Guest) Request(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	res, err := g.HTTP.Request(ctx, req)
	g.refused(ctx, "http_request", err)
	return res, err
}

// refused logs what was refused to the export that runs.
func (g *Guest) refused(ctx context.Context, function string, err error) {
	if err != nil {
		g.Log.Refused(strings.TrimPrefix(CallOf(ctx).Export+": "+function, ": "), err)
	}
}
