package delivery

import "github.com/carapace-gateway/carapace/kernel/service"

// outcomeOf is the metric's word for how a message ended: what has not arrived has failed, also when it is
// held or was cancelled.
func outcomeOf(state State) string {
	if state == StateSent {
		return "delivered"
	}
	return "failed"
}

// metric shows the outcomes that were announced since the start.
func metric(c *service.Counter) service.Metric {
	return service.Metric{
		Name: "carapace_messages_sent_total", Help: "Outgoing messages whose delivery ended, by outcome.",
		Counter: true, Labels: []string{"channel", "outcome"}, Collect: c.Samples,
	}
}
