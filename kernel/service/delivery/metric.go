package delivery

import (
	"cmp"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// counter counts the outcomes that were announced since the start. It is safe for concurrent use.
type counter struct {
	mu   sync.Mutex
	sums map[labels]float64
}

// labels are the values of the metric's labels.
type labels struct{ channel, outcome string }

func newCounter() *counter { return &counter{sums: map[labels]float64{}} }

// add counts a message: what has not arrived has failed, also when it is held or was cancelled.
func (c *counter) add(channel string, state State) {
	outcome := "failed"
	if state == StateSent {
		outcome = "delivered"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sums[labels{channel, outcome}]++
}

// collect returns the samples, sorted by their labels.
func (c *counter) collect() []service.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]service.Sample, 0, len(c.sums))
	for l, n := range c.sums {
		list = append(list, service.Sample{Labels: []string{l.channel, l.outcome}, Value: n})
	}
	slices.SortFunc(list, func(a, b service.Sample) int {
		return cmp.Or(cmp.Compare(a.Labels[0], b.Labels[0]), cmp.Compare(a.Labels[1], b.Labels[1]))
	})
	return list
}

// metric is the counter as /metrics shows it.
func (c *counter) metric() service.Metric {
	return service.Metric{
		Name: "carapace_messages_sent_total", Help: "Outgoing messages whose delivery ended, by outcome.",
		Counter: true, Labels: []string{"channel", "outcome"}, Collect: c.collect,
	}
}
