package gateway

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the gateway does.
type metrics struct {
	received, sent               prometheus.Counter
	dropped, slow, idle, refused prometheus.Counter
	requests                     *prometheus.CounterVec
	latency                      prometheus.Histogram
	methods                      map[string]bool
}

// newMetrics registers the metrics. connections is asked for the number of clients at each scrape.
func newMetrics(reg *prometheus.Registry, methods []string, version string, connections func() float64, all *memory) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "carapace_" + name, Help: help})
	}
	m := &metrics{
		received: counter("ws_received_bytes_total", "Bytes read from clients."),
		sent:     counter("ws_sent_bytes_total", "Bytes written to clients."),
		dropped:  counter("ws_dropped_events_total", "Events that a slow connection missed."),
		slow:     counter("ws_slow_closed_total", "Connections closed because they did not read."),
		idle:     counter("ws_idle_closed_total", "Connections closed because they gave no sign of life."),
		refused:  counter("ws_refused_total", "Connections that ended before hello-ok."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "carapace_requests_total", Help: "Requests by method and outcome."}, []string{"method", "outcome"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "carapace_request_seconds", Help: "Time from a request to its final answer.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30, 120},
		}),
		methods: map[string]bool{},
	}
	for _, name := range methods {
		m.methods[name] = true
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "carapace_build_info", Help: "1, with the version."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "carapace_ws_connections", Help: "Clients that are connected."}, connections)
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "carapace_ws_memory_bytes", Help: "What answers that wait and long requests hold."},
		func() float64 { return float64(all.held.Load()) })
	for _, c := range []prometheus.Collector{m.received, m.sent, m.dropped, m.slow, m.idle, m.refused, m.requests, m.latency, build, open, held} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// other stands for methods that are not listed, so that a peer cannot make labels.
const other = "other"

// request counts one that has its final answer; an empty code is success.
func (m *metrics) request(method string, code wit.Code, took time.Duration) {
	if !m.methods[method] {
		method = other
	}
	if code == "" {
		code = "ok"
	}
	m.latency.Observe(took.Seconds())
	m.requests.WithLabelValues(method, string(code)).Inc()
}
