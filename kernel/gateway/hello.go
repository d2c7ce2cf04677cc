package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

var connectParams = rpc.NewDecoder[wire.ConnectParams]("connect")

// Events lists what the gateway itself sends. The payload of health is Snapshot's, whose type belongs to
// whoever makes it.
func Events() []event.Row {
	return []event.Row{
		event.Kind[wire.Challenge]{Name: "connect.challenge", Scope: wire.ScopeNone}.Row(),
		event.Kind[wire.PresenceChanged]{Name: "presence", Scope: wire.ScopeRead, DropIfSlow: true}.Row(),
		event.Kind[wire.Tick]{Name: "tick", Scope: wire.ScopeNone, DropIfSlow: true}.Row(),
		{Name: "health", Scope: wire.ScopeRead, DropIfSlow: true},
		event.Kind[wire.Shutdown]{Name: "shutdown", Scope: wire.ScopeNone}.Row(),
	}
}

// hello builds hello-ok for a connection and returns the health that it shows.
func (g *Gateway) hello(ctx context.Context, c *conn, grant auth.Grant) (*wire.HelloOK, json.RawMessage) {
	snap, health := g.snapshot(ctx)
	k, l := c.caller, g.limits
	v4 := k.Protocol >= wire.Protocol4
	admin := wire.Allows(k.Role, k.Scopes, wire.ScopeAdmin)
	h := &wire.HelloOK{
		Type: "hello-ok", Protocol: k.Protocol,
		Server:   wire.Server{Version: g.deps.Version, ConnID: k.ConnID},
		Features: wire.Features{Methods: g.deps.Table.Names(), Events: g.eventNames()},
		Snapshot: wire.Snapshot{
			Presence: []wire.Presence{}, Health: json.RawMessage("{}"), StateVersion: g.version(),
			UptimeMs: time.Since(g.started).Milliseconds(), SessionDefaults: snap.SessionDefaults,
		},
		Policy: wire.Policy{MaxPayload: l.MaxPayload3, MaxBufferedBytes: l.MaxBuffered3, TickIntervalMs: l.Tick.Milliseconds()},
	}
	if wire.Allows(k.Role, k.Scopes, wire.ScopeRead) {
		h.Snapshot.Health = health
		h.Snapshot.Presence = g.deps.Presence.List(admin)
	}
	if admin {
		h.Snapshot.ConfigPath, h.Snapshot.StateDir = snap.ConfigPath, snap.StateDir
	}
	if v4 {
		h.Server.BootID = g.bootID
		h.Features.Capabilities = g.deps.Capabilities
		h.Snapshot.AuthMode = string(g.deps.Auth.Mode())
		h.Policy.MaxPayload, h.Policy.MaxBufferedBytes = l.MaxPayload4, l.MaxBuffered4
		// Base64 makes four bytes of three; the rest of the frame needs some room too.
		h.Policy.Attachments = &wire.Attachments{MaxBytes: (l.MaxPayload4 - 64<<10) / 4 * 3, MaxImageBytes: 6 << 20}
		h.PluginSurfaceURLs = map[string]string{}
	} else {
		h.Server.Host = g.host
	}
	if v4 || grant.Hello.DeviceToken != "" {
		h.Auth = &grant.Hello
	}
	return h, health
}

func (g *Gateway) eventNames() []string {
	var names []string
	for _, row := range slices.Concat(Events(), g.deps.Kinds) {
		if !slices.Contains(names, row.Name) {
			names = append(names, row.Name)
		}
	}
	return names
}

func (g *Gateway) version() wire.StateVersion {
	return wire.StateVersion{Presence: g.deps.Presence.version.Load(), Health: g.healthVersion.Load()}
}
