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
// Clients share what memory and what processors there are. A client is read no further while a MiB of its answers waits, or
// any at all once those of all clients have taken Limits.Memory, which long requests count against too. On a crowded machine few
// requests of one connection run at a time, however many it sends.
//
// It refuses, with a reason and before anything of that size is allocated: too many clients, frames
// above the policy's size, deeply nested JSON, too many requests a second, pages of other origins, and everything
// before a connect that auth accepts. Connections that were not let in yet are few, in all and of one address, so that
// strangers can neither take the file descriptors nor keep out the owner. A panic in a handler is an internal
// error of that request.
//
// An idle connection is one parked goroutine and two small buffers; ticks, pings and idle checks of all
// of them share one timer. Everything is safe for concurrent use.
package gateway

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Authority decides who may connect: *auth.Auth.
type Authority interface {
	Connect(context.Context, auth.Attempt) (auth.Grant, error)
	HTTP(*http.Request) (*rpc.Caller, error)
	// HTTPScope is HTTP for requests that paired devices may make too, if they have the scope.
	HTTPScope(*http.Request, wire.Scope) (*rpc.Caller, error)
	// Refused counts a request with a wrong secret, and returns how long its sender was told to stay away.
	Refused(*http.Request) time.Duration
	Peer(*http.Request) auth.Peer
	// Proxy reports whether many clients share an address.
	Proxy(ip string) bool
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
	// Channels says how the accounts of channels are, for /ready; it becomes JSON. nil says nothing.
	Channels func() any
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
	// Joined are told of each connection that is let in, before it hears that it was; what they return is called when it
	// has ended.
	Joined []func(ctx context.Context, c *rpc.Caller) (left func())
	// Crowded reports whether the machine has more to do than it can; nil is never. It must return at once.
	Crowded func() bool
	// Followers name connections that get an event although they lack its scope. They are asked in the bus's order and must
	// return at once.
	Followers []func(e event.Event) (connIDs []string)
	Logger    hclog.Logger
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

// Route is an HTTP handler of a service, for all methods. It authenticates its requests itself; a 401 of it counts as a
// failed login and becomes a 429 for who fails too often.
type Route struct {
	// Pattern is chi's: "/plugins/{id}/*".
	Pattern string
	// Takes says which requests are this route's; nil is all. Of routes with one pattern, the first that takes a request has it.
	Takes   func(*http.Request) bool
	Handler http.Handler
	// MaxBody bounds the request's body in bytes; 0 is 1 MiB.
	MaxBody int64
	// Streams says that the handler keeps no body in memory. Others share what long messages may hold, and are answered 503 where
	// there is no room.
	Streams bool
}

// Gateway serves connections while Run runs. It starts and stops its parts and does nothing itself: the door
// lets WebSockets in, the hub knows who is, the dispatcher answers what they ask, the broadcaster sends them
// events and the sweeper keeps their time; handler is the HTTP side.
type Gateway struct {
	hub       *hub
	requests  *dispatcher
	broadcast *broadcaster
	sweeper   *sweeper
	handler   http.Handler
	door      *door
	sockets   *sockets
	bus       *event.Bus
	limits    *Limits
	log       hclog.Logger
	ending    chan struct{}
}

// New prepares a gateway. Errors: CodeInvalid for metrics that Registry has already.
func New(d Deps) (*Gateway, error) {
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
	limits := d.Limits.withDefaults()
	shared := func(ip string) bool { return loopback(ip) || d.Auth.Proxy(ip) }
	hub := newHub(limits, shared, d.Presence)
	hub.joined = d.Joined
	if hub.crowded = d.Crowded; d.Crowded == nil {
		hub.crowded = func() bool { return false }
	}
	memory := &memory{most: limits.Memory}
	metrics, err := newMetrics(d.Registry, d.Table.Names(), d.Version, hub.members.count, memory)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "gateway: metrics: %w", err)
	}
	g := &Gateway{
		ending: make(chan struct{}),
		hub:    hub, requests: &dispatcher{table: d.Table, metrics: metrics, log: d.Logger}, bus: d.Bus, limits: &limits, log: d.Logger,
		sockets:   newSockets(limits, shared),
		broadcast: &broadcaster{members: hub.members, presence: d.Presence, followers: d.Followers, log: d.Logger},
	}
	g.sweeper = &sweeper{limits: limits, members: hub.members, presence: d.Presence, broadcast: g.broadcast, metrics: metrics}
	started := time.Now()
	greeter, err := newGreeter(d, limits, started, g.broadcast)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "gateway: hello-ok: %w", err)
	}
	entry := &door{
		hub: hub, requests: g.requests, limits: g.limits, metrics: metrics, log: d.Logger, auth: d.Auth, origins: d.Origins, hosts: d.Hosts,
		transport: &transport{memory: memory, patience: limits.Write, received: metrics.received, sent: metrics.sent},
		broadcast: g.broadcast, greeter: greeter,
	}
	site := &web{version: d.Version, started: started, auth: d.Auth, door: entry, ready: d.Ready, channels: d.Channels, stopping: hub.stopping, log: d.Logger}
	g.door = entry
	g.handler = site.handler(promhttp.HandlerFor(d.Registry, promhttp.HandlerOpts{}), d.Routes)
	return g, nil
}

// Ending is closed when the gateway begins to stop: answers that would go on for ever end then.
func (g *Gateway) Ending() <-chan struct{} { return g.ending }

// Handler serves the gateway's paths, for tests without a listener. Connections live only while Run does.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Run, called once, serves the listeners until ctx ends, then tells the clients, lets requests finish for
// Limits.Drain, closes every connection and returns. It closes the listeners. It returns early with
// CodeUnavailable when a listener fails.
func (g *Gateway) Run(ctx context.Context, listeners ...net.Listener) error {
	srv := &http.Server{
		Handler: g.handler, ReadHeaderTimeout: g.limits.Handshake, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ConnState: g.sockets.state,
		ErrorLog:  g.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
	}
	defer g.bus.Subscribe(g.broadcast.onEvent)()
	defer auth.Revoked.Subscribe(g.bus, g.broadcast.revoke)()
	loop, stopLoop := context.WithCancel(context.Background())
	defer stopLoop()
	var running sync.WaitGroup
	running.Go(func() { g.sweeper.run(loop) })
	// Room for all, so that no listener waits for somebody who hears of its end.
	failed := make(chan error, len(listeners))
	for _, ln := range listeners {
		running.Go(func() { failed <- srv.Serve(guarded{ln, g.sockets}) })
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
	close(g.ending)
	g.hub.close()
	g.sockets.dismiss()
	g.requests.running.close()
	g.broadcast.send(shutdownKind.Event(wire.Shutdown{Reason: "gateway stopping"}), nil)
	grace, cancel := context.WithTimeout(context.Background(), g.limits.Drain)
	defer cancel()
	var web sync.WaitGroup
	web.Go(func() {
		if srv.Shutdown(grace) != nil {
			_ = srv.Close()
		}
	})
	g.requests.running.wait(grace)
	g.hub.dismiss("gateway stopping") // what still runs has had its time
	web.Wait()
	last, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	g.hub.wait(last)
}
