// Package service says what a system service is to the kernel: a value that names its methods, events and
// routes, how it runs, and what it tells about itself.
//
// A service's package makes one from its own small interfaces; the kernel lists them, and nothing in a
// service knows the kernel or a service above it. Leaving one out of the list removes its methods, events,
// routes, checks and figures with it.
package service

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// Service is one system service.
type Service struct {
	// Name is the package's.
	Name    string
	Methods []rpc.Method
	Events  []event.Row
	Routes  []Route
	// Capabilities are names by which clients of protocol 4 learn what the methods can do.
	Capabilities []string
	// Run works until ctx ends and returns nil when all that it started has ended; an earlier return stops
	// the gateway. nil is a service that only answers.
	Run func(ctx context.Context) error
	// Joined is told of each connection that is let in, before it hears that it was, and returns what is called when it has
	// ended; nil is nothing. It must be quick.
	Joined func(ctx context.Context, c *rpc.Caller) (left func())
	// Follows names connections that get an event although they lack its scope; nil names none. It is called for each event
	// and must return at once.
	Follows func(e event.Event) (connIDs []string)
	// Checks are what the doctor looks at.
	Checks []func(context.Context) Check
	// Notices are what the owner should know of that is not wrong by itself, for status; each is a line.
	Notices func() []string
	// Queues counts what waits, by the queue's name, for status and metrics.
	Queues func(context.Context) (map[string]int, error)
	// Metrics are figures for /metrics.
	Metrics []Metric
}

// Route is an HTTP handler that authenticates its requests itself.
type Route struct {
	// Pattern is the path; {name} stands for one segment and a final * for the rest.
	Pattern string
	// Takes says which requests are this route's; nil is all. Of routes with one pattern, the first that takes a request has it.
	Takes   func(*http.Request) bool
	Handler http.Handler
	// MaxBody bounds a request's body in bytes.
	MaxBody int64
	// Streams says that the handler keeps no body in memory. Others share what long messages may hold, and are answered 503 where
	// there is no room.
	Streams bool
}

// Check is one thing that the doctor looked at.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
	// Warning is set for what works and should be known or mended all the same; OK is true then.
	Warning bool `json:"warning,omitempty"`
	// Hint says what to do when it is not OK, or a warning.
	Hint string `json:"hint,omitempty"`
}

// Count says how many there are of something whose plural ends in s: 1 message, 2 messages.
func Count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Metric is a figure with one value for each combination of its labels.
type Metric struct {
	// Name is Prometheus's, such as carapace_plugin_calls_total.
	Name, Help string
	// Counter only grows; otherwise it is a gauge.
	Counter bool
	Labels  []string
	// Collect returns the samples of this moment. It must be quick and is called concurrently.
	Collect func() []Sample
}

// Sample is a value of a metric.
type Sample struct {
	// Labels are the values of the metric's labels, in order.
	Labels []string
	Value  float64
}

// Queues counts what waits in the services, by the queues' names. An error names the service.
func Queues(ctx context.Context, services []Service) (map[string]int, error) {
	all := map[string]int{}
	for _, s := range services {
		if s.Queues == nil {
			continue
		}
		own, err := s.Queues(ctx)
		if err != nil {
			return nil, wit.Errorf(wit.CodeOf(err), "%s: %w", s.Name, err)
		}
		maps.Copy(all, own)
	}
	return all, nil
}
