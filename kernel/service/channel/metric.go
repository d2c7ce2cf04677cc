package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// metrics are about the accounts that are meant to be connected, each with its channel and its id.
func (s *Service) metrics() []service.Metric {
	metric := func(name, help string, value func(*view) float64) service.Metric {
		return service.Metric{Name: name, Help: help, Labels: []string{"channel", "account"}, Collect: func() []service.Sample {
			var list []service.Sample
			for _, a := range s.roster.all() {
				if v := a.view.Load(); v.meant() {
					list = append(list, service.Sample{Labels: []string{a.id.Channel, a.id.ID}, Value: value(v)})
				}
			}
			return list
		}}
	}
	return []service.Metric{
		metric("carapace_channel_connected", "Whether an account is connected to its platform: 1 or 0.", func(v *view) float64 {
			if v.report.connectedAt != 0 {
				return 1
			}
			return 0
		}),
		metric("carapace_channel_seconds_since_success",
			"How long ago an account was last connected and heard of its platform: 0 while a connection is open, at most a poll's length for polls.",
			func(v *view) float64 { return v.silence(time.Now()).Seconds() }),
	}
}
