package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// meter is agent's view of usage.
type meter struct{ usage *usage.Service }

func (m meter) Allow(ctx context.Context, q agent.Question) error {
	return m.usage.Allow(ctx, q.Provider, q.Model, uint64(max(0, q.Tokens)))
}

func (m meter) Count(tx store.Tx, r run.Run, a agent.Metered) error {
	return m.usage.Count(tx, usage.Counted{
		Session: string(r.Session), Agent: r.Session.Agent(), Channel: r.Origin.Channel, Provider: a.Provider, Model: a.Model, Usage: a.Usage, Calls: a.Calls,
	})
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

// usageSettings is what the owner says of prices and limits.
func (w *wiring) usageSettings() usage.Settings {
	u := w.settings.Config().Usage
	s := usage.Settings{Prices: make(map[string]usage.Price, len(u.Prices)), Limits: usage.Limits{
		Day: u.Limits.Day, Month: u.Limits.Month, DayTokens: uint64(u.Limits.DayTokens), MonthTokens: uint64(u.Limits.MonthTokens),
	}}
	for name, p := range u.Prices {
		s.Prices[name] = usage.Price(p)
	}
	return s
}
