package kernel

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// The services declare what they need of the plugins and of each other; here it is filled.

// channelPlugins is channel's view of the registry.
type channelPlugins struct{ registry *plugin.Registry }

func (p channelPlugins) Channels() []string {
	var ids []string
	for _, c := range p.registry.Channels() {
		ids = append(ids, c.ID())
	}
	return ids
}

func (p channelPlugins) Channel(id string) (channel.Plugin, bool) {
	c, err := p.registry.Channel(id)
	return c, err == nil
}

func (p channelPlugins) Rollback(id, reason string) error { return p.registry.Rollback(id, reason) }

// dialer opens channel's connections.
type dialer struct{ registry *plugin.Registry }

func (d dialer) Dial(ctx context.Context, id, account string, o wit.OpenConnection) (channel.Conn, error) {
	c, err := d.registry.Channel(id)
	if err != nil { // for now: an account has no plugin while it is replaced
		return nil, wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now", id)
	}
	conn, err := c.Open(ctx, account, &o)
	if err != nil {
		return nil, err
	}
	return connection{conn}, nil
}

type connection struct{ *egress.Conn }

func (c connection) Read() (wit.Frame, error) {
	f, err := c.Conn.Read()
	if closed := (*egress.ClosedError)(nil); errors.As(err, &closed) {
		err = &channel.ClosedError{Closed: closed.Closed}
	}
	return f, err
}

// senders is delivery's view of the registry.
type senders struct{ registry *plugin.Registry }

func (s senders) Sender(id string) (delivery.Sender, bool) {
	c, err := s.registry.Channel(id)
	return c, err == nil
}

// accounts is channel's view of the settings.
type accounts struct{ settings *config.Settings }

func (a accounts) Accounts(id string) []channel.Account {
	var list []channel.Account
	for _, name := range a.settings.AccountIDs(id) {
		s, _ := a.settings.Account(id, name)
		list = append(list, channel.Account{
			ID: name, Enabled: s.Enabled == nil || *s.Enabled, Config: s.Config,
			Access: inbox.Access{
				DM: inbox.Policy(s.DMPolicy), AllowFrom: s.AllowFrom, Owners: a.settings.Owners(id),
				Group: inbox.Policy(s.GroupPolicy), Groups: s.Groups, RequireMention: s.RequireMention,
			},
		})
	}
	return list
}

// ownerSettings is inbox's view of who the owner is.
type ownerSettings struct{ settings *config.Settings }

func (o ownerSettings) Owned() bool { return len(o.settings.Config().Owners) > 0 }

func (o ownerSettings) Own(ctx context.Context, id, person string) error {
	return o.settings.Own(ctx, id, person)
}

// inboxAccounts is inbox's view of the accounts, which are made after it.
type inboxAccounts struct{ channels func() *channel.Service }

func (a inboxAccounts) Accounts() []message.Account {
	if c := a.channels(); c != nil {
		return c.Accounts()
	}
	return nil
}

func (a inboxAccounts) Label(id string) string {
	if c := a.channels(); c != nil {
		return c.Label(id)
	}
	return id
}

func (a inboxAccounts) Account(id, account string) (message.Account, error) {
	if c := a.channels(); c != nil {
		return c.Account(id, account)
	}
	return message.Account{}, wit.Errorf(wit.CodeNotFound, "unsupported channel: %s has no account: set one up first", id)
}

// deliveryAccounts is delivery's view of the accounts, which are made after it.
type deliveryAccounts struct{ channels func() *channel.Service }

func (a deliveryAccounts) Ready(id, account string) error {
	if c := a.channels(); c != nil {
		return c.Ready(id, account)
	}
	return wit.NewError(wit.CodeUnavailable, "this gateway has no channels")
}

func (a deliveryAccounts) Account(id, account string) (message.Account, error) {
	if c := a.channels(); c != nil {
		return c.Account(id, account)
	}
	return message.Account{}, wit.NewError(wit.CodeNotFound, "this gateway has no channels")
}

func (a deliveryAccounts) Default() (id string, ok bool) {
	if c := a.channels(); c != nil {
		return c.Default()
	}
	return "", false
}

// systemAccounts is system's view of the accounts.
type systemAccounts struct{ channels func() *channel.Service }

func (a systemAccounts) List() []system.Account {
	list := []system.Account{}
	c := a.channels()
	if c == nil {
		return list
	}
	for _, is := range c.List() {
		list = append(list, system.Account{Channel: is.Channel, Account: is.Account, Label: c.Label(is.Channel), State: is.Condition(), Message: is.Message})
	}
	return list
}

func (a systemAccounts) Restart(id, account string) {
	if c := a.channels(); c != nil {
		c.Restart(id, account)
	}
}

// testEvery is how often an account that is being tested is looked at.
const testEvery = 100 * time.Millisecond

func (a systemAccounts) Test(ctx context.Context, id, account string) error {
	look := time.NewTicker(testEvery)
	defer look.Stop()
	last := "it has not started"
	<-look.C // its settings have reached it by then, and what it was connected with before counts no more
	a.Restart(id, account)
	for {
		for _, is := range a.List() {
			if is.Channel != id || is.Account != account {
				continue
			}
			last = strings.TrimSpace(is.State + " " + is.Message)
			switch wit.ConnectionState(is.State) {
			case wit.ConnectionStateConnected:
				return nil
			case wit.ConnectionStateFailed, "stopped", wit.ConnectionStateNeedsLogin:
				return wit.NewError(wit.CodeUnavailable, last)
			case wit.ConnectionStateDisconnected:
				if is.Message != "" {
					return wit.NewError(wit.CodeUnavailable, last)
				}
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return wit.Errorf(wit.CodeTimeout, "it is not connected: %s", last)
		}
	}
}

// systemPlugins is system's view of the registry.
type systemPlugins struct {
	registry *plugin.Registry
	settings *config.Settings
}

func (p systemPlugins) List() []system.Plugin {
	var list []system.Plugin
	for _, is := range p.registry.List() {
		state := string(is.State)
		if !p.settings.PluginEnabled(is.ID) {
			state = "disabled"
		}
		p := system.Plugin{ID: is.ID, State: state, Reason: is.Reason, Hint: is.Hint, Provider: is.Provides.Provider != ""}
		if is.Update != nil {
			p.Update, p.Hint = is.Update.Version+" "+is.Update.Reason, is.Update.Hint
		}
		list = append(list, p)
	}
	return list
}

func (p systemPlugins) Secrets(id string) ([]string, error) {
	info, err := p.registry.Info(id)
	return info.Secrets, err
}

func (p systemPlugins) CheckConfig(id, account string, section wit.JSON) error {
	return p.registry.CheckConfig(id, account, section)
}

func (p systemPlugins) Settle() { p.registry.Settle() }

// typing shows in a channel that an answer is being written, where the channel can.
type typing struct{ registry *plugin.Registry }

func (t typing) Typing(ctx context.Context, at message.Account, to wit.Conversation) error {
	c, err := t.registry.Channel(at.Channel)
	if err != nil || !c.Can("typing") {
		return err
	}
	_, err = c.Typing(ctx, &wit.ChannelTyping{Account: at.ID, To: to})
	return err
}

// providers is agent's view of the registry, and of what the owner has said of its providers.
type providers struct {
	registry *plugin.Registry
	settings *config.Settings
	vault    *secret.Vault
}

func (p providers) Providers() []agent.ProviderInfo {
	var list []agent.ProviderInfo
	for _, f := range p.registry.Providers() {
		info := agent.ProviderInfo{ID: f.ID(), Facts: *f.Facts()}
		if !info.Facts.Offline { // those need neither
			info.Settings, info.Credentials = p.settings.PluginConfig(f.ID()), len(p.vault.List(f.ID()))
		}
		list = append(list, info)
	}
	return list
}

func (p providers) Provider(id string) (agent.Provider, bool) {
	f, err := p.registry.Provider(id)
	return f, err == nil
}

// tools is agent's view of the registry.
type tools struct{ registry *plugin.Registry }

func (t tools) Tools() []wit.ToolDefinition {
	var list []wit.ToolDefinition
	for _, row := range t.registry.Tools() {
		list = append(list, row.Definition)
	}
	return list
}

func (t tools) Tool(name string) (agent.Tool, bool) {
	f, err := t.registry.Tool(name)
	return f, err == nil
}

// hookSource finds who is asked at a hook.
type hookSource struct{ registry *plugin.Registry }

func (s hookSource) find(name wit.HookName) []hook.Plugin {
	var list []hook.Plugin
	for _, h := range s.registry.Hooks(name) {
		list = append(list, h)
	}
	return list
}

// outgoing are the hooks that delivery fires.
type outgoing struct{ hooks *hook.Hooks }

func (o outgoing) Sending(ctx context.Context, c wit.HookContext, m wit.MessageSending) (wit.MessageSending, error) {
	return hook.MessageSending.Fire(ctx, o.hooks, c, m)
}

func (o outgoing) Sent(ctx context.Context, c wit.HookContext, m wit.MessageSent) {
	_, _ = hook.MessageSent.Fire(ctx, o.hooks, c, m) // nobody can change what was sent; Fire logs failures
}

// watchers finds the connections that want to see tool calls.
type watchers struct{ door *door }

func (w watchers) ToolWatchers() []string { return w.door.gateway.WithCap("tool-events") }

// pluginJobs keeps the jobs that plugins schedule.
type pluginJobs struct{ scheduler *schedule.Scheduler }

func owner(id string) schedule.Owner { return schedule.Owner("plugin:" + id) }

func (p pluginJobs) Set(ctx context.Context, id string, j *wit.ScheduledJob) (int64, error) {
	job := schedule.Job{ID: j.ID, Owner: owner(id), Enabled: true, DeleteAfterRun: true, Payload: []byte(j.Payload)}
	if j.At != nil {
		job.Spec.At = *j.At
	}
	if j.Every != nil {
		job.Spec.EveryMs = *j.Every
	}
	if j.Cron != nil {
		job.Spec.Cron = *j.Cron
	}
	if j.TimeZone != nil {
		job.Spec.TZ = *j.TimeZone
	}
	job, err := p.scheduler.Set(ctx, job)
	return job.State.NextRunAt, err
}

func (p pluginJobs) Cancel(ctx context.Context, id, job string) error {
	err := p.scheduler.Remove(ctx, owner(id), job)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}

func (p pluginJobs) Jobs(ctx context.Context, id string) ([]string, error) {
	list, err := p.scheduler.List(ctx, owner(id))
	var ids []string
	for _, j := range list {
		ids = append(ids, j.ID)
	}
	return ids, err
}

// pluginFirings hands plugins the jobs that are due.
type pluginFirings struct{ registry *plugin.Registry }

func (p pluginFirings) fire(ctx context.Context, f schedule.Firing) (string, error) {
	id := string(f.Job.Owner)[len("plugin:"):]
	return "", p.registry.Fire(ctx, id, &wit.Firing{ID: f.Job.ID, Due: f.Due, Payload: wit.JSON(f.Job.Payload)})
}

// jobs gives run what cron has to say.
type jobs struct{ runs *run.Service }

func (j jobs) SystemEvent(ctx context.Context, text string, now bool, agent, key string) error {
	return j.runs.Tell(ctx, run.SystemEvent{ID: key, Agent: agent, Text: text, Now: now})
}

func (j jobs) AgentTurn(ctx context.Context, t cron.Turn) (string, error) {
	return j.runs.Do(ctx, run.Job{
		ID: t.Key, Agent: t.AgentID, Session: t.SessionKey, Message: t.Message, Model: t.Model, Thinking: t.Thinking,
		Timeout: time.Duration(t.TimeoutSeconds * float64(time.Second)),
		Deliver: t.Deliver, Channel: t.Channel, To: t.To, Account: t.AccountID, Thread: t.ThreadID, BestEffort: t.BestEffort,
	})
}
