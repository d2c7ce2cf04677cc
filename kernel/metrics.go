package kernel

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// newMetrics counts what the services do; the gateway adds its own figures to the same registry.
func (k *Kernel) newMetrics() (*prometheus.Registry, error) {
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "carapace_messages_received_total", Help: "Messages that came in through channels, by what became of them.",
	}, []string{"channel", "verdict"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "carapace_messages_sent_total", Help: "Outgoing messages whose delivery ended, by outcome.",
	}, []string{"channel", "outcome"})
	inbox.ReceivedKind.Subscribe(k.bus, func(r inbox.Received) {
		received.WithLabelValues(r.Channel, string(r.Verdict)).Inc()
	})
	delivery.DeliveredKind.Subscribe(k.bus, func(d delivery.Delivered) { sent.WithLabelValues(d.Channel, "delivered").Inc() })
	delivery.FailedKind.Subscribe(k.bus, func(d delivery.Failed) { sent.WithLabelValues(d.Channel, "failed").Inc() })
	r := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{received, sent, plugins{k}, waiting{k}} {
		if err := r.Register(c); err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "metrics: %w", err)
		}
	}
	return r, nil
}

var (
	pluginCalls = prometheus.NewDesc("carapace_plugin_calls_total", "Calls of a plugin.", []string{"plugin"}, nil)
	pluginFails = prometheus.NewDesc("carapace_plugin_errors_total", "Calls of a plugin that failed.", []string{"plugin"}, nil)
	pluginTime  = prometheus.NewDesc("carapace_plugin_cpu_seconds_total", "Processor time in a plugin's code.", []string{"plugin"}, nil)
	pluginAlive = prometheus.NewDesc("carapace_plugin_instances", "Instances of a plugin in memory.", []string{"plugin"}, nil)
	queueLength = prometheus.NewDesc("carapace_queue_length", "What waits: runs, outbound messages, held messages, dead letters.", []string{"queue"}, nil)
)

// plugins collects the registry's figures.
type plugins struct{ kernel *Kernel }

func (plugins) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{pluginCalls, pluginFails, pluginTime, pluginAlive} {
		c <- d
	}
}

func (p plugins) Collect(c chan<- prometheus.Metric) {
	for _, s := range p.kernel.plugins.List() {
		c <- prometheus.MustNewConstMetric(pluginCalls, prometheus.CounterValue, float64(s.Stats.Calls), s.ID)
		c <- prometheus.MustNewConstMetric(pluginFails, prometheus.CounterValue, float64(s.Stats.Errors), s.ID)
		c <- prometheus.MustNewConstMetric(pluginTime, prometheus.CounterValue, float64(s.Stats.CPU)/1000, s.ID)
		c <- prometheus.MustNewConstMetric(pluginAlive, prometheus.GaugeValue, float64(s.Stats.Instances), s.ID)
	}
}

// waiting collects the lengths of the queues.
type waiting struct{ kernel *Kernel }

func (waiting) Describe(c chan<- *prometheus.Desc) { c <- queueLength }

func (w waiting) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	q, err := w.kernel.queues(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(queueLength, err)
		return
	}
	for name, n := range map[string]int{"runs": q.Runs, "outbound": q.Outbound, "held": q.Held, "aside": q.Aside} {
		c <- prometheus.MustNewConstMetric(queueLength, prometheus.GaugeValue, float64(n), name)
	}
}
