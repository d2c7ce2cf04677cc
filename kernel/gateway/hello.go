package gateway

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/google/uuid"
)

// connectParams reads connect's params. connect is no row of the table, since nobody can call it later.
var connectParams = rpc.NewDecoder[wire.ConnectParams]("connect")

// greeter makes hello-ok: what the gateway is and can, and the state from which a client starts.
type greeter struct {
	version   string
	bootID    string // protocol 4: another one tells clients that what they knew is gone
	host      string
	started   time.Time
	limits    Limits
	methods   []string
	events    []string
	auth      Authority
	presence  *Presence
	broadcast *broadcaster
	snapshot  func(context.Context) Snapshot
}

// newGreeter takes from d what a client is told.
func newGreeter(d Deps, limits Limits, started time.Time, b *broadcaster) *greeter {
	host, _ := os.Hostname() // protocol 3 shows it; without one it shows nothing
	return &greeter{
		version: d.Version, bootID: uuid.NewString(), host: host, started: started, limits: limits,
		methods: d.Table.Names(), events: eventNames(d.Kinds), auth: d.Auth, presence: d.Presence, broadcast: b, snapshot: d.Snapshot,
	}
}

// hello builds hello-ok for a connection and returns the health that it shows. Without the scope to read, the
// state is empty; where things are on the disk is for admins.
func (g *greeter) hello(ctx context.Context, c *conn, grant auth.Grant) (*wire.HelloOK, json.RawMessage) {
	snap, health := g.state(ctx)
	k, l := c.caller, g.limits
	_, buffered := l.queue(k.Protocol)
	v4 := k.Protocol >= wire.Protocol4
	admin := wire.Allows(k.Role, k.Scopes, wire.ScopeAdmin)
	h := &wire.HelloOK{
		Type: "hello-ok", Protocol: k.Protocol,
		Server:   wire.Server{Version: g.version, ConnID: k.ConnID},
		Features: wire.Features{Methods: g.methods, Events: g.events},
		Snapshot: wire.Snapshot{
			Presence: []wire.Presence{}, Health: json.RawMessage("{}"), StateVersion: g.broadcast.version(),
			UptimeMs: time.Since(g.started).Milliseconds(), SessionDefaults: snap.SessionDefaults,
		},
		Policy: wire.Policy{MaxPayload: l.payload(k.Protocol), MaxBufferedBytes: buffered, TickIntervalMs: l.Tick.Milliseconds()},
	}
	if wire.Allows(k.Role, k.Scopes, wire.ScopeRead) {
		h.Snapshot.Health = health
		h.Snapshot.Presence = g.presence.List(admin)
	}
	if admin {
		h.Snapshot.ConfigPath, h.Snapshot.StateDir = snap.ConfigPath, snap.StateDir
	}
	if v4 {
		h.Server.BootID = g.bootID
		h.Snapshot.AuthMode = string(g.auth.Mode())
		// Base64 makes four bytes of three; the rest of the frame needs some room too.
		h.Policy.Attachments = &wire.Attachments{MaxBytes: (l.MaxPayload4 - 64<<10) / 4 * 3, MaxImageBytes: 6 << 20}
		// Always there in protocol 4, also when there are none.
		h.PluginSurfaceURLs = map[string]string{}
	} else {
		h.Server.Host = g.host
	}
	// In protocol 3 only who gets a device token is told how he was let in.
	if v4 || grant.Hello.DeviceToken != "" {
		h.Auth = &grant.Hello
	}
	return h, health
}

// state asks the services for their part, and encodes the health in it.
func (g *greeter) state(ctx context.Context) (Snapshot, json.RawMessage) {
	s := Snapshot{}
	if g.snapshot != nil {
		s = g.snapshot(ctx)
	}
	health, err := json.Marshal(s.Health)
	if err != nil || s.Health == nil {
		health = json.RawMessage("{}")
	}
	return s, health
}

// eventNames are the gateway's own events and those of services, each once.
func eventNames(kinds []event.Row) []string {
	var names []string
	for _, row := range slices.Concat(Events(), kinds) {
		if !slices.Contains(names, row.Name) {
			names = append(names, row.Name)
		}
	}
	return names
}
