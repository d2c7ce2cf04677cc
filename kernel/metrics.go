package kernel

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// newMetrics registers the figures of the plugins, of the services, and of Go, with how long what could go on has waited
// for a processor; the gateway adds its own.
func newMetrics(code *runtime.Engine, plugins *plugin.Registry, services []service.Service) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	metrics := append(pluginMetrics(plugins), memoryMetrics(code)...)
	for _, s := range services {
		metrics = append(metrics, s.Metrics...)
	}
	list := []prometheus.Collector{queueLengths(services), collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsScheduler))}
	for _, m := range metrics {
		list = append(list, figure{m, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)})
	}
	for _, c := range list {
		if err := r.Register(c); err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "metrics: %w", err)
		}
	}
	return r, nil
}

// figure is a service's metric as Prometheus collects it.
type figure struct {
	service.Metric
	desc *prometheus.Desc
}

func (f figure) Describe(c chan<- *prometheus.Desc) { c <- f.desc }

func (f figure) Collect(c chan<- prometheus.Metric) {
	kind := prometheus.GaugeValue
	if f.Counter {
		kind = prometheus.CounterValue
	}
	told := map[string]bool{}
	for _, s := range f.Metric.Collect() {
		labels := shown(s.Labels)
		key := strings.Join(labels, "\n")
		if told[key] {
			continue // two of the same labels would be an error, and no figure would be served
		}
		told[key] = true
		m, err := prometheus.NewConstMetric(f.desc, kind, s.Value, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(f.desc, err)
		}
		c <- m
	}
}

// shown are labels as they are served: the name of a folder can be an escape sequence, and Prometheus' format has it as it is.
func shown(labels []string) []string {
	out := make([]string, len(labels))
	for n, label := range labels {
		out[n] = plain.Line(label)
	}
	return out
}

// pluginMetrics are the registry's figures.
func pluginMetrics(r *plugin.Registry) []service.Metric {
	metric := func(name, help string, counter bool, value func(engine.Stats) float64) service.Metric {
		return service.Metric{Name: name, Help: help, Counter: counter, Labels: []string{"plugin"}, Collect: func() []service.Sample {
			var list []service.Sample
			for _, p := range r.List() {
				list = append(list, service.Sample{Labels: []string{p.ID}, Value: value(p.Stats)})
			}
			return list
		}}
	}
	return []service.Metric{
		metric("carapace_plugin_calls_total", "Calls of a plugin.", true, func(s engine.Stats) float64 { return float64(s.Calls) }),
		metric("carapace_plugin_errors_total", "Calls of a plugin that failed.", true, func(s engine.Stats) float64 { return float64(s.Errors) }),
		metric("carapace_plugin_cpu_seconds_total", "Processor time of a plugin's code.", true, func(s engine.Stats) float64 { return float64(s.CPU) / 1000 }),
		metric("carapace_plugin_instances", "Instances of a plugin in memory.", false, func(s engine.Stats) float64 { return float64(s.Instances) }),
		metric("carapace_plugin_memory_bytes", "Memory that a plugin's instances hold.", false, func(s engine.Stats) float64 { return float64(s.Memory) }),
	}
}

// memoryMetrics are the figures of the budget that all plugins share.
func memoryMetrics(e *runtime.Engine) []service.Metric {
	metric := func(name, help string, counter bool, value func(runtime.MemoryStats) int64) service.Metric {
		return service.Metric{Name: name, Help: help, Counter: counter, Collect: func() []service.Sample {
			return []service.Sample{{Value: float64(value(e.Memory()))}}
		}}
	}
	return []service.Metric{
		metric("carapace_runtime_memory_bytes", "Memory that all plugins hold.", false, func(m runtime.MemoryStats) int64 { return m.Held }),
		metric("carapace_runtime_memory_budget_bytes", "Memory that all plugins may hold.", false, func(m runtime.MemoryStats) int64 { return m.Budget }),
		metric("carapace_runtime_memory_refused_total", "Calls of plugins that found no room, or could not grow.", true, func(m runtime.MemoryStats) int64 { return m.Refused }),
	}
}

var queueLength = prometheus.NewDesc("carapace_queue_length", "What waits, by queue.", []string{"queue"}, nil)

// queueLengths collects how much waits in the services.
type queueLengths []service.Service

func (queueLengths) Describe(c chan<- *prometheus.Desc) { c <- queueLength }

func (q queueLengths) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lengths, err := service.Queues(ctx, q)
	if err != nil {
		c <- prometheus.NewInvalidMetric(queueLength, err)
		return
	}
	for name, n := range lengths {
		c <- prometheus.MustNewConstMetric(queueLength, prometheus.GaugeValue, float64(n), name)
	}
}
