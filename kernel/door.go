package kernel

import (
	"context"
	"net"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// door is where clients come in.
type door struct {
	table    *rpc.Table
	gateway  *gateway.Gateway
	listener net.Listener
	health   *system.Service
	who      *auth.Auth
}

// openDoor puts the method table together.
func (k *Kernel) openDoor(context.Context) error {
	g := k.start.Gateway
	proxies, err := g.Proxies()
	if err != nil {
		return err
	}
	who, err := auth.New(auth.Deps{
		Store: k.state.db, Bus: k.bus, Token: g.Token, Password: g.Password, StateDir: k.o.StateDir, Proxies: proxies,
		AskAlways: g.SilentPairing != nil && !*g.SilentPairing, Addresses: k.addresses, Connected: func() map[string]bool { return k.door.gateway.Devices() },
		Note: k.login, Logger: k.log.Named("auth"),
	})
	if err != nil {
		return err
	}
	k.door.who = who
	k.state.vault.Learn("gateway", who.Token(), g.Password)
	rows := slices.Concat(k.platform.plugins.Methods(), k.platform.installer.Methods(), who.Methods(), k.wired.presence.Methods())
	var routes []gateway.Route
	var capabilities []string
	var joined []func(context.Context, *rpc.Caller) func()
	var followers []func(event.Event) []string
	for _, s := range k.services {
		rows = append(rows, s.Methods...)
		capabilities = append(capabilities, s.Capabilities...)
		if s.Joined != nil {
			joined = append(joined, s.Joined)
		}
		if s.Follows != nil {
			followers = append(followers, s.Follows)
		}
		for _, r := range s.Routes {
			routes = append(routes, gateway.Route(r))
		}
	}
	if k.door.table, err = rpc.NewTable(rows...); err != nil {
		return err
	}
	if k.wired.ledger != nil {
		k.door.table = k.door.table.Noting(k.wired.ledger.Note)
	}
	metrics, err := newMetrics(k.platform.code, k.platform.plugins, k.services)
	if err != nil {
		return err
	}
	k.door.gateway, err = gateway.New(gateway.Deps{
		Table: k.door.table, Bus: k.bus, Auth: who, Presence: k.wired.presence, Kinds: k.events(), Snapshot: k.snapshot, Ready: k.ready,
		Channels: func() any { return k.door.health.Channels() }, Routes: routes,
		Origins: g.AllowedOrigins, Hosts: g.Hosts, Registry: metrics, Limits: gateway.Limits{MaxConnections: g.MaxConnections, Memory: k.share.clients},
		Crowded:      k.o.Crowded,
		Capabilities: capabilities, Joined: joined, Followers: followers, Version: k.o.Version, Logger: k.log.Named("gateway"),
	})
	return err
}

// takePort is the first step: nobody is served before Run.
func (k *Kernel) takePort(context.Context) (err error) {
	if k.door.listener = k.o.Listener; k.door.listener == nil {
		if k.door.listener, err = listen(k.start.Gateway); err != nil {
			return err
		}
	}
	k.closers.add(func() error { _ = k.door.listener.Close(); return nil }) // Run has closed it, unless it never ran
	return nil
}

// events are all kinds that clients can get beside the gateway's own.
func (k *Kernel) events() []event.Row {
	list := slices.Concat(auth.Events(), plugin.Events(), install.Events(), []event.Row{config.ChangedKind.Row(), host.EmittedKind.Row()})
	for _, s := range k.services {
		list = append(list, s.Events...)
	}
	return list
}

// Protocol describes what clients may call and hear: the same for every kernel, whatever its plugins.
func (k *Kernel) Protocol() protocol.Contract {
	return protocol.New(k.door.table.Describe(), slices.Concat(gateway.Events(), k.events()))
}

// snapshot is what the services say in hello-ok.
func (k *Kernel) snapshot(ctx context.Context) gateway.Snapshot {
	s := k.sessionSettings()
	return gateway.Snapshot{
		Health: k.door.health.Health(ctx), ConfigPath: k.o.ConfigPath, StateDir: k.o.StateDir,
		SessionDefaults: &wire.SessionDefaults{
			DefaultAgentID: s.DefaultAgent, MainKey: "main", MainSessionKey: string(s.Main("")), Scope: "per-sender",
		},
	}
}

func (k *Kernel) sessionSettings() session.Settings { return k.who.now().session }

// defaultAgent is the id of the agent that answers where nothing else is said.
func (k *Kernel) defaultAgent() string { return k.sessionSettings().DefaultAgent }

// agentIDs lists the agents, the default one first.
func (k *Kernel) agentIDs() []string {
	s := k.sessionSettings()
	return append([]string{s.DefaultAgent}, s.Agents...)
}
