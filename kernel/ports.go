package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/service/visitor"
	"github.com/carapace-gateway/carapace/kernel/service/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

// The services declare what they need of the plugins and of each other; here, and in the files beside, it is filled.

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

// pluginMemory is system's view of the engine.
type pluginMemory struct{ code *runtime.Engine }

func (p pluginMemory) figures() system.PluginMemory { return system.PluginMemory(p.code.Memory()) }

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
type senders struct {
	registry *plugin.Registry
	visits   *visitor.Visits
}

func (s senders) Sender(id string) (delivery.Sender, bool) {
	c, err := s.registry.Channel(id)
	return pushing{c, s.visits}, err == nil
}

func (s senders) Actor(id string) (delivery.Actor, bool) {
	c, err := s.registry.Channel(id)
	return pushing{c, s.visits}, err == nil
}

// webhookPlugins is webhook's view of the registry.
type webhookPlugins struct{ registry *plugin.Registry }

func (p webhookPlugins) Webhook(id string) (webhook.Plugin, error) {
	w, err := p.registry.Webhook(id)
	if err != nil {
		return nil, err
	}
	return webhookPlugin{w}, nil
}

type webhookPlugin struct{ *plugin.Webhook }

func (p webhookPlugin) Setting(field string) string { return p.Webhook.Setting("", field) }

// systemPlugins is system's view of the registry.
type systemPlugins struct {
	registry *plugin.Registry
	settings *config.Settings
}

func (p systemPlugins) List() []system.Plugin {
	var list []system.Plugin
	for _, is := range p.registry.List() {
		state := string(is.State)
		if !p.settings.PluginEnabled(is.ID) && p.settings.Fault(is.ID, "") == "" {
			state = "disabled"
		}
		p := system.Plugin{ID: is.ID, State: state, Reason: is.Reason, Hint: is.Hint, Provider: is.Provides.Provider != "", Transcriber: is.Provides.STT != "", Speaker: is.Provides.TTS != "", ByHand: is.Origin == plugin.OriginFolder, Shadowed: is.Shadowed,
			Name: is.Name, Version: is.Version, Description: is.Description, Origin: string(is.Origin), Kinds: kinds(is.Provides)}
		if is.Crash != nil && is.Stats.Errors > 0 { // of what runs, and not of what ran before
			p.Crashed = time.UnixMilli(is.Crash.At)
		}
		if b := is.Service; b != nil {
			p.Service = &system.BackgroundService{Plugin: is.ID, State: b.State, Message: b.Message, Problem: b.Problem}
		}
		if is.Update != nil {
			p.Update, p.Hint = is.Update.Version+" "+is.Update.Reason, is.Update.Hint
		}
		list = append(list, p)
	}
	return list
}

// kinds are what a plugin is.
func kinds(p wit.Provided) []string {
	list := []string{}
	for _, k := range []struct {
		name string
		is   bool
	}{
		{"channel", p.Channel != ""}, {"provider", p.Provider != ""}, {"tool", len(p.Tools) > 0}, {"stt", p.STT != ""}, {"tts", p.TTS != ""},
		{"webhook", len(p.Webhooks) > 0}, {"service", p.Service != ""}, {"hook", len(p.Hooks) > 0},
	} {
		if k.is {
			list = append(list, k.name)
		}
	}
	return list
}

func (p systemPlugins) Secrets(id string) ([]string, error) {
	info, err := p.registry.Info(id)
	return info.Secrets, err
}

func (p systemPlugins) Inspect(id string) (system.Inspected, error) {
	info, err := p.registry.Info(id)
	if err != nil {
		return system.Inspected{}, err
	}
	is := system.Inspected{Provides: info.Provides, Path: info.Path, Digest: info.Digest}
	asks := make([]plugin.PermissionRow, 0, len(info.Permissions))
	for _, row := range info.Permissions {
		if row.Granted {
			is.Granted = append(is.Granted, row.Name)
		}
		asks = append(asks, plugin.PermissionRow{Name: row.Name, Detail: row.Detail})
	}
	text, err := json.Marshal([]any{id, info.Version, info.Digest, info.Provides, asks})
	if err != nil {
		return is, wit.Errorf(wit.CodeInternal, "name what plugin %s is: %w", id, err)
	}
	sum := sha256.Sum256(text)
	is.ReviewToken = hex.EncodeToString(sum[:])
	return is, nil
}

func (p systemPlugins) CheckConfig(id, account string, section wit.JSON) error {
	return p.registry.CheckConfig(id, account, section)
}

func (p systemPlugins) ShowConfig(id, account string, section wit.JSON) wit.JSON {
	return p.registry.ShowConfig(id, account, section)
}

func (p systemPlugins) Sections() []config.FormSection {
	var list []config.FormSection
	for _, m := range p.registry.Manifests() {
		if len(m.Config) > 0 {
			list = append(list, config.FormSection{ID: m.ID, Channel: m.Provides.Channel != nil, Schema: m.Config})
		}
	}
	return list
}

func (p systemPlugins) Settle() { p.registry.Settle() }

func (p systemPlugins) Warm(ctx context.Context, id string) error { return p.registry.Warm(ctx, id) }

// typing shows in a channel that an answer is being written, where the channel can.
type typing struct {
	registry *plugin.Registry
	accounts deliveryAccounts
	visits   *visitor.Visits
}

func (t typing) Typing(ctx context.Context, at message.Account, to wit.Conversation) error {
	c, err := t.registry.Channel(at.Channel)
	if err != nil || !c.Can("typing") {
		return err
	}
	link, err := t.accounts.Link(at.Channel, at.ID)
	if err != nil {
		return err
	}
	state, err := link.State(ctx)
	if err != nil {
		return err
	}
	shown, err := pushing{c, t.visits}.Typing(ctx, &wit.ChannelTyping{Account: at.ID, To: to, State: state})
	if err == nil {
		_, err = link.Write(ctx, shown.Frames)
	}
	return err
}

// providers is agent's view of the registry, and of what the owner has said of its providers.
type providers struct {
	registry *plugin.Registry
	settings *config.Settings
	vault    *secret.Vault
}

func (p providers) Providers() iter.Seq[agent.ProviderInfo] {
	return func(yield func(agent.ProviderInfo) bool) {
		for _, f := range p.registry.Providers() {
			info := agent.ProviderInfo{ID: f.ID(), Facts: f.Facts()}
			if !info.Facts.Offline { // those need neither
				info.Settings, info.Credentials = p.settings.PluginConfig(f.ID()), p.vault.Count(f.ID())
			}
			if !yield(info) {
				return
			}
		}
	}
}

// Keys implements agent.Keyring: the keys of a provider are the accounts for which there are credentials.
func (p providers) Keys(provider string) (list []agent.Key) {
	for _, u := range p.vault.Uses(provider) {
		if u.Damaged {
			continue
		}
		set := time.UnixMilli(u.Set)
		if n := len(list); n > 0 && list[n-1].Name == u.Account {
			if set.After(list[n-1].Set) {
				list[n-1].Set = set
			}
			continue
		}
		list = append(list, agent.Key{Name: u.Account, Set: set})
	}
	return list
}

func (p providers) Provider(id string) (agent.Provider, bool) {
	f, err := p.registry.Provider(id)
	return keyed{f}, err == nil
}

// byKey asks a plugin with its keys, one after the other; see agent.Models.ByKey.
type byKey func(ctx context.Context, plugin, kind string, ask func(key string) error) error

// byKey asks with the key that has no name where no agents are.
func (w *wiring) byKey(ctx context.Context, plugin, kind string, ask func(key string) error) error {
	if w.models == nil {
		return ask("")
	}
	return w.models.ByKey(ctx, plugin, kind, ask)
}

// keyed is a provider that can be asked with the credentials of one of its accounts.
type keyed struct{ *plugin.Provider }

// With implements agent.Keyed.
func (k keyed) With(key string) agent.Provider { return keyed{k.Provider.As(key)} }

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
