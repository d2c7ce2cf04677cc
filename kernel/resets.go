package kernel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// resets are the rules by which conversations end by themselves.
func resets(s config.Session, zone *time.Location) session.Resets {
	rule := func(r config.Reset) session.Rule {
		return session.Rule{Daily: r.Hour() >= 0, Hour: max(r.Hour(), 0), Idle: time.Duration(r.Idle()) * time.Minute}
	}
	rules := func(all map[string]config.Reset) map[string]session.Rule {
		var out map[string]session.Rule
		for name, r := range all {
			if out == nil {
				out = map[string]session.Rule{}
			}
			out[name] = rule(r)
		}
		return out
	}
	return session.Resets{Otherwise: rule(s.Reset), Kinds: rules(s.ResetByType), Channels: rules(s.ResetByChannel), Zone: zone}
}
