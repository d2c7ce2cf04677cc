package kernel

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// meter is agent's view of usage.
type meter struct{ usage *usage.Service }

func (m meter) Allow(ctx context.Context, q agent.Question) (agent.Permit, error) {
	p, err := m.usage.Allow(ctx, usage.Question{Provider: q.Provider, Model: q.Model, Tokens: uint64(max(0, q.Tokens)), MaxTokens: q.MaxTokens})
	return agent.Permit(p), err
}

func (m meter) Count(tx store.Tx, by agent.Spender, a agent.Metered) error {
	return m.usage.Count(tx, usage.Counted{
		Session: string(by.Session), Agent: by.Agent, Channel: by.Channel, Provider: a.Provider, Model: a.Model, Usage: a.Usage, Calls: a.Calls,
	})
}

func (m meter) Spent(ctx context.Context, by agent.Spender, a agent.Metered) error {
	return m.usage.Store.Update(ctx, func(tx store.Tx) error { return m.Count(tx, by, a) })
}

// metered is who counts what the models are asked for; nil where nobody does.
func (w *wiring) metered() agent.Meter {
	if w.meter == nil {
		return nil
	}
	return meter{w.meter}
}

// sessionKey is a session's key as it is kept.
func (w *wiring) sessionKey(key, agent string) (string, error) {
	found, err := w.sessionSettings().Find(key, agent)
	return string(found), err
}

// usageSettings is what the owner says of prices and limits, and the prices that providers come with.
func (w *wiring) usageSettings() usage.Settings {
	u := w.settings.Config().Usage
	s := usage.Settings{Prices: make(map[string]usage.Price, len(u.Prices)), Limits: usage.Limits{
		Day: u.Limits.Day, Month: u.Limits.Month, DayTokens: uint64(u.Limits.DayTokens), MonthTokens: uint64(u.Limits.MonthTokens),
	}, Listed: w.listedPrice}
	for name, p := range u.Prices {
		s.Prices[name] = usage.Price(p)
	}
	return s
}

// listedPrice is the price of a model that its provider comes with, as the plugin is set up.
func (w *wiring) listedPrice(provider, model string) (usage.Tariff, bool) {
	p, err := w.platform.plugins.Provider(provider)
	if err != nil {
		return usage.Tariff{}, false
	}
	settings := w.settings.PluginConfig(provider)
	today := time.Now().UTC().Format(time.DateOnly)
	for _, list := range p.Facts().Prices {
		if list.Until != "" && today > list.Until || !setting.Hold(list.Where, settings) {
			continue
		}
		for _, m := range list.Models {
			if slices.Contains(m.Models, model) {
				return tariff(m)
			}
		}
	}
	return usage.Tariff{}, false
}

// tariff is what a plugin says of a model's price, and false where that can be no price.
func tariff(m wit.ModelPrice) (usage.Tariff, bool) {
	t := usage.Tariff{Price: usage.Price{Input: m.Input, Output: m.Output, CacheRead: m.CacheRead, CacheWrite: m.CacheWrite}}
	least := min(m.Input, m.Output, m.CacheRead, m.CacheWrite)
	if l := m.Long; l != nil {
		t.Over, t.Long = l.Over, usage.Price{Input: l.Input, Output: l.Output, CacheRead: l.CacheRead, CacheWrite: l.CacheWrite}
		least = min(least, l.Input, l.Output, l.CacheRead, l.CacheWrite)
	}
	return t, least >= 0
}

// price is chat's view of the prices.
func (w *wiring) price(provider, model string) *chat.ModelCost {
	p, ok := w.usageSettings().Tariff(provider, model)
	if !ok || p == (usage.Tariff{}) { // what costs nothing has no price to show
		return nil
	}
	return &chat.ModelCost{Input: p.Input, Output: p.Output, CacheRead: p.CacheRead, CacheWrite: p.CacheWrite}
}

// usageHistory is usage's view of a session's present history.
func (w *wiring) usageHistory(ctx context.Context, key string, limit, text int) (list []usage.Said, err error) {
	err = w.state.db.View(ctx, func(tx store.Tx) error {
		list = nil
		e, err := w.sessions.Lookup(tx, session.Key(key))
		if err != nil {
			return err
		}
		newest, err := w.sessions.Newest(tx, e.SessionID, 0, limit, nil)
		for _, m := range newest {
			list = append(list, usage.Said{Time: m.Time, Role: string(m.Role), Text: message.Clip(m.Text(), text), Provider: m.Provider, Model: m.Model, Usage: m.Usage})
		}
		return err
	})
	return list, err
}
