package kernel

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// openGateway puts the method table together and takes the port.
func (k *Kernel) openGateway(context.Context) (err error) {
	g := k.o.Config.Gateway
	k.auth, err = auth.New(auth.Deps{
		Store: k.db, Bus: k.bus, Token: g.Token, Password: g.Password, StateDir: k.o.StateDir, Logger: k.log.Named("auth"),
	})
	if err != nil {
		return err
	}
	k.vault.Learn("gateway", k.auth.Token(), g.Password)
	k.table, err = rpc.NewTable(slices.Concat(
		k.system.Methods(), k.plugins.Methods(), k.auth.Methods(), k.presence.Methods(),
		k.sessions.Service(session.Ports{Runs: k.runs, Models: k.models, Ended: k.agent.SessionEnded}).Methods,
		k.chat.Service().Methods, k.inbox.Service().Methods, k.channels.Service().Methods, k.delivery.Methods(), k.cron.Methods(),
	)...)
	if err != nil {
		return err
	}
	if k.metrics, err = k.newMetrics(); err != nil {
		return err
	}
	k.gateway, err = gateway.New(gateway.Deps{
		Table: k.table, Bus: k.bus, Auth: k.auth, Presence: k.presence, Kinds: k.events(), Snapshot: k.snapshot,
		Routes: []gateway.Route{{Pattern: "/plugins/{id}/*", Handler: k.channels.WebhookHandler(), MaxBody: maxWebhook}}, Origins: g.AllowedOrigins, Hosts: g.Hosts,
		Registry: k.metrics, Limits: gateway.Limits{MaxConnections: g.MaxConnections}, Version: k.o.Version, Logger: k.log.Named("gateway"),
	})
	if err != nil {
		return err
	}
	if k.listener = k.o.Listener; k.listener == nil {
		if k.listener, err = listen(g); err != nil {
			return err
		}
	}
	k.closing(func() error { _ = k.listener.Close(); return nil }) // Run has closed it, unless it never ran
	return nil
}

// maxWebhook bounds what a platform may post, in bytes; channels declare less.
const maxWebhook = 8 << 20

// events are all kinds that clients can get beside the gateway's own.
func (k *Kernel) events() []event.Row {
	return slices.Concat(auth.Events(), plugin.Events(), session.Events(), chat.Events(), k.inbox.Service().Events, k.channels.Service().Events, delivery.Events(),
		system.Events(), []event.Row{cron.Changes.Row(), config.ChangedKind.Row(), host.EmittedKind.Row()})
}

func (k *Kernel) snapshot(ctx context.Context) gateway.Snapshot {
	health, err := k.system.Health(ctx)
	if err != nil {
		health.OK, health.Reason = false, err.Error()
	}
	s := k.sessionSettings()
	main := s.Main(config.DefaultAgent)
	return gateway.Snapshot{
		Health: health, ConfigPath: k.o.ConfigPath, StateDir: k.o.StateDir,
		SessionDefaults: &wire.SessionDefaults{DefaultAgentID: config.DefaultAgent, MainKey: "main", MainSessionKey: string(main), Scope: "per-sender"},
	}
}

func (k *Kernel) sessionSettings() session.Settings {
	return session.Settings{DefaultAgent: config.DefaultAgent, DMScope: session.Scope(k.o.Config.Session.DMScope)}
}

func (k *Kernel) agentSettings() agent.Settings {
	a := k.o.Config.Agent
	return agent.Settings{
		Agents: []agent.Agent{{ID: config.DefaultAgent, Name: a.Name}}, Model: a.Model, System: a.SystemPrompt, TimeZone: k.zone,
	}
}

func (k *Kernel) defaults() session.Defaults { return k.models.Defaults(context.Background()) }

// overview is read again only after a session has changed, since every client asks for it all the time.
func (k *Kernel) overview(ctx context.Context) (session.Overview, error) {
	if o := k.recent.Load(); o != nil {
		return *o, nil
	}
	changes := k.changes.Load()
	o, err := k.sessions.Overview(ctx, k.models.Defaults(ctx))
	if err == nil {
		k.recent.Store(&o)
		if k.changes.Load() != changes { // a session has changed while it was read
			k.recent.Store(nil)
		}
	}
	return o, err
}

// forgetOverview makes the next overview a new one.
func (k *Kernel) forgetOverview() {
	k.changes.Add(1)
	k.recent.Store(nil)
}

func (k *Kernel) pluginList() []system.Plugin {
	var list []system.Plugin
	for _, p := range k.plugins.List() {
		state := string(p.State)
		if !k.settings.PluginEnabled(p.ID) {
			state = "disabled"
		}
		list = append(list, system.Plugin{ID: p.ID, State: state, Reason: p.Reason, Hint: p.Hint})
	}
	return list
}

func (k *Kernel) accountList() []system.Account {
	list := []system.Account{}
	for _, a := range k.channels.List() {
		row := system.Account{Channel: a.Channel, Account: a.Account, Label: a.Channel, State: string(a.State), Message: a.Message}
		if c, err := k.plugins.Channel(a.Channel); err == nil {
			row.Label = c.Facts().Label
		}
		if row.State == "" || a.Phase != "running" {
			row.State = a.Phase
		}
		row.Wrong = row.State == "failed" || row.State == "stopped" || row.State == string(wit.ConnectionStateNeedsLogin)
		list = append(list, row)
	}
	return list
}

func (k *Kernel) queues(ctx context.Context) (q system.Queues, err error) {
	if q.Outbound, q.Held, err = k.delivery.Count(ctx); err != nil {
		return q, err
	}
	if q.Aside, err = k.inbox.DeadLetters().Count(ctx); err != nil {
		return q, err
	}
	waiting, err := k.runs.Service().Queues(ctx)
	q.Runs = waiting["runs"]
	return q, err
}

func (k *Kernel) checkStore(ctx context.Context) error {
	if c, ok := k.db.(interface{ Check(context.Context) error }); ok {
		return c.Check(ctx)
	}
	return nil
}

// checkSections says what is wrong with the plugins' sections of the config file. A section that cannot
// be used fails its plugin's calls, never the gateway.
func (k *Kernel) checkSections() []string {
	var problems []string
	check := func(id, account string, section wit.JSON) {
		if len(section) == 0 {
			return
		}
		if err := k.plugins.CheckConfig(id, account, section); err != nil {
			problems = append(problems, err.Error())
		}
	}
	for id, p := range k.o.Config.Plugins {
		check(id, "", p.Config)
	}
	for id, c := range k.o.Config.Channels {
		for account, a := range c.Accounts {
			check(id, account, a.Config)
		}
	}
	slices.Sort(problems)
	return problems
}

// putSecret keeps a credential that the plugin's manifest names.
func (k *Kernel) putSecret(ctx context.Context, id, account, name, value string) error {
	info, err := k.plugins.Info(id)
	if err != nil {
		return err
	}
	if !slices.Contains(info.Secrets, name) {
		return wit.Errorf(wit.CodeInvalid, "plugin %s has no credential %s; it has %v", id, name, info.Secrets)
	}
	if err := k.vault.Put(ctx, id, account, name, value); err != nil {
		return err
	}
	if account != "" {
		k.channels.Restart(id, account)
	}
	return nil
}
