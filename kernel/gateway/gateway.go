// Package gateway serves clients on one port: the WebSocket protocol on /ws and /, and HTTP beside it.
//
// It owns the connections and nothing that they ask for: a frame becomes a call of the method table,
// the answer becomes a frame, and events of the bus go to every connection whose scopes entitle it.
//
// Order and delivery. A connection's requests start in the order in which they came; one that takes
// longer than Limits.Handoff no longer holds up the next, so answers may overtake each other. Events
// keep the order of the bus and carry a seq that counts per connection: a gap is an event that this
// connection lost by being slow. A connection that lags beyond its bounds in frames or bytes loses
// events that may be dropped and is closed with 1008 for any other; one that does not read its answers
// is read no further until it does.
//
// It refuses, with a reason and before anything of that size is allocated: too many connections, frames
// above the policy's size, deeply nested JSON, too many requests a second, pages of other origins, and everything
// before a connect that auth accepts. A panic in a handler is an internal error of that request.
//
// An idle connection is one parked goroutine and two small buffers; ticks, pings and idle checks of all
// of them share one timer. Everything is safe for concurrent use.
package gateway

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
)

// Authority decides who may connect: *auth.Auth.
type Authority interface {
	Connect(context.Context, auth.Attempt) (auth.Grant, error)
	HTTP(*http.Request) (*rpc.Caller, error)
	Mode() auth.Mode
}

// Deps is what New needs. Zero fields without a default are required.
type Deps struct {
	Table    *rpc.Table
	Bus      *event.Bus
	Auth     Authority
	Presence *Presence
	// Kinds are the events that services publish, for hello-ok.
	Kinds []event.Row
	// Snapshot is called at every connect; nil gives an empty one. It must not block.
	Snapshot func(context.Context) Snapshot
	// Ready says why the gateway cannot serve yet, or nil; nil is always ready.
	Ready func(context.Context) error
	// Routes are served beside the gateway's own paths.
	Routes []Route
	// Origins are web origins ("https://chat.example.org") that may connect besides the same host.
	Origins []string
	// Hosts are names by which this gateway is reached besides localhost and addresses.
	Hosts []string
	// Registry gets the gateway's metrics and is what /metrics shows; nil makes one.
	Registry *prometheus.Registry
	Limits   Limits
	Version  string
	// Capabilities are listed in protocol 4's hello-ok.
	Capabilities []string
	Logger       hclog.Logger
}

// Snapshot is what the services add to hello-ok.
type Snapshot struct {
	// Health becomes JSON; it is what the health method answers.
	Health          any
	SessionDefaults *wire.SessionDefaults
	// ConfigPath and StateDir are shown to admins.
	ConfigPath string
	StateDir   string
}

// Route is an HTTP handler of a service. It authenticates its requests itself.
type Route struct {
	// Pattern is chi's: "/plugins/{id}/*".
	Pattern string
	// Methods the handler serves; empty is all.
	Methods []string
	Handler http.Handler
	// MaxBody bounds the request's body in bytes; 0 is 1 MiB.
	MaxBody int64
}

// Gateway serves connections while Run runs.
type Gateway struct {
	deps    Deps
	log     hclog.Logger
	limits  Limits
	bootID  string
	host    string
	started time.Time
	metrics *metrics
	buffers buffers
	handler http.Handler

	mu         sync.RWMutex
	conns      map[string]*conn
	handshakes map[*handshake]bool
	perIP      map[string]int
	open       int // connections, handshakes included

	healthVersion atomic.Uint64
	stopping      atomic.Bool
	work          work // requests that run
	members       work // connections, handshakes included
	base          context.Context
	cancel        context.CancelFunc
}

// New prepares a gateway. Errors: CodeInvalid for metrics that Registry has already.
func New(d Deps) (*Gateway, error) {
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
	g := &Gateway{
		deps: d, log: d.Logger, limits: d.Limits.withDefaults(), bootID: uuid.NewString(), started: time.Now(),
		conns: map[string]*conn{}, handshakes: map[*handshake]bool{}, perIP: map[string]int{},
	}
	g.host, _ = os.Hostname()
	g.base, g.cancel = context.WithCancel(context.Background())
	var err error
	if g.metrics, err = newMetrics(d.Registry, d.Table.Names(), d.Version, g.count); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "gateway: metrics: %w", err)
	}
	g.handler = g.routes()
	return g, nil
}

// Handler serves the gateway's paths, for tests without a listener. Connections live only while Run does.
func (g *Gateway) Handler() http.Handler { return g.handler }

func (g *Gateway) count() float64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return float64(len(g.conns))
}

// Run, called once, serves the listeners until ctx ends, then tells the clients, lets requests finish for
// Limits.Drain, closes every connection and returns. It closes the listeners. It returns early with
// CodeUnavailable when a listener fails.
func (g *Gateway) Run(ctx context.Context, listeners ...net.Listener) error {
	srv := &http.Server{
		Handler: g.handler, ReadHeaderTimeout: g.limits.Handshake, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: g.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	unsubscribe := g.deps.Bus.Subscribe(g.onEvent)
	defer unsubscribe()
	loop, stopLoop := context.WithCancel(context.Background())
	defer stopLoop()
	var running sync.WaitGroup
	running.Go(func() { g.sweepLoop(loop) })
	failed := make(chan error, len(listeners))
	for _, ln := range listeners {
		running.Go(func() { failed <- srv.Serve(ln) })
	}
	var err error
	select {
	case <-ctx.Done():
	case e := <-failed:
		err = wit.Errorf(wit.CodeUnavailable, "gateway: the listener failed: %w", e)
	}
	g.stop(srv)
	stopLoop()
	running.Wait()
	return err
}

// stop ends what runs: clients are told first, then requests may finish, then connections are closed.
func (g *Gateway) stop(srv *http.Server) {
	g.stopping.Store(true)
	g.tell("shutdown", wire.ScopeNone, wire.Shutdown{Reason: "gateway stopping"}, nil)
	grace, cancel := context.WithTimeout(context.Background(), g.limits.Drain)
	defer cancel()
	var web sync.WaitGroup
	web.Go(func() {
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	g.work.wait(grace)
	g.cancel()
	for _, c := range g.all() {
		web.Go(func() { c.shut(wire.CloseRestart, "gateway stopping") })
	}
	g.closeHandshakes()
	web.Wait()
	last, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	g.members.wait(last)
}

func (g *Gateway) all() []*conn {
	g.mu.RLock()
	defer g.mu.RUnlock()
	list := make([]*conn, 0, len(g.conns))
	for _, c := range g.conns {
		list = append(list, c)
	}
	return list
}

func (g *Gateway) snapshot(ctx context.Context) (Snapshot, json.RawMessage) {
	s := Snapshot{}
	if g.deps.Snapshot != nil {
		s = g.deps.Snapshot(ctx)
	}
	health, err := json.Marshal(s.Health)
	if err != nil || s.Health == nil {
		health = json.RawMessage("{}")
	}
	return s, health
}
