package gateway

import (
	"context"
	"encoding/json"
	"errors"
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
	features  [2]json.RawMessage // of protocol 3, and of those after it
	auth      Authority
	presence  *Presence
	broadcast *broadcaster
	snapshot  func(context.Context) Snapshot
}

// newGreeter takes from d what a client is told.
func newGreeter(d Deps, limits Limits, started time.Time, b *broadcaster) (*greeter, error) {
	host, _ := os.Hostname() // protocol 3 shows it; without one it shows nothing
	g := &greeter{
		version: d.Version, bootID: uuid.NewString(), host: host, started: started, limits: limits,
		auth: d.Auth, presence: d.Presence, broadcast: b, snapshot: d.Snapshot,
	}
	features := wire.Features{Methods: d.Table.Names(), Events: eventNames(d.Kinds)}
	var err3, err4 error
	g.features[0], err3 = json.Marshal(features)
	features.Capabilities = d.Capabilities
	g.features[1], err4 = json.Marshal(features)
	return g, errors.Join(err3, err4)
}

// appendHello appends hello-ok for a connection, and returns the health that it shows as well. Without the scope to
// read, the state is empty; where things are on the disk is for admins.
func (g *greeter) appendHello(ctx context.Context, dst []byte, c *conn, grant auth.Grant) (hello, health []byte, err error) {
	snap, health := g.state(ctx)
	k, l := c.caller, g.limits
	_, buffered := l.queue(k.Protocol)
	admin := wire.Allows(k.Role, k.Scopes, wire.ScopeAdmin)
	h := &wire.HelloParts{
		Head:     wire.HelloHead{Type: "hello-ok", Protocol: k.Protocol, Server: wire.Server{Version: g.version, ConnID: k.ConnID}},
		Features: g.features[0], Presence: json.RawMessage("[]"), Health: json.RawMessage("{}"),
		Facts: wire.SnapshotFacts{
			StateVersion: g.broadcast.version(), UptimeMs: time.Since(g.started).Milliseconds(), SessionDefaults: snap.SessionDefaults,
		},
		End: wire.HelloEnd{Policy: wire.Policy{MaxPayload: l.payload(k.Protocol), MaxBufferedBytes: buffered, TickIntervalMs: l.Tick.Milliseconds()}},
	}
	if wire.Allows(k.Role, k.Scopes, wire.ScopeRead) {
		h.Health = health
		h.Presence = json.RawMessage(g.presence.List(admin, k.Protocol))
	}
	if admin {
		h.Facts.ConfigPath, h.Facts.StateDir = snap.ConfigPath, snap.StateDir
	}
	v4 := k.Protocol >= wire.Protocol4
	if v4 {
		h.Head.Server.BootID = g.bootID
		h.Features = g.features[1]
		h.Facts.AuthMode = string(g.auth.Mode())
		h.End.Policy.Attachments = &wire.Attachments{MaxBytes: min(wire.MaxAttachment, (l.MaxPayload4-64<<10)/4*3), MaxImageBytes: wire.MaxPicture}
		// Always there in protocol 4, also when there are none.
		h.End.PluginSurfaceURLs = map[string]string{}
	} else {
		h.Head.Server.Host = g.host
	}
	// In protocol 3 only who gets a device token is told how he was let in.
	if v4 || grant.Hello.DeviceToken != "" {
		h.End.Auth = &grant.Hello
	}
	hello, err = h.Append(dst)
	return hello, health, err
}

// state asks the services for their part, and encodes the health in it.
func (g *greeter) state(ctx context.Context) (Snapshot, json.RawMessage) {
	s := Snapshot{}
	if g.snapshot != nil {
		s = g.snapshot(ctx)
	}
	health, err := rpc.Encode(s.Health)
	if err != nil || s.Health == nil {
		return s, json.RawMessage("{}")
	}
	return s, json.RawMessage(health)
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
