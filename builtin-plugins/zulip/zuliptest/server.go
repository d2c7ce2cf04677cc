package zuliptest

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is one of Zulip 11 without faults.
type Config struct {
	// FeatureLevel is the API's version; 421 when 0.
	FeatureLevel int
	// MaxLength is how long a message may be, in characters; 10,000 when 0.
	MaxLength int
	// Heartbeat is after how long a poll is answered that has nothing to tell; 45 s when 0.
	Heartbeat time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It is called with the call's name and may be
	// called concurrently.
	Chaos func(call string) *Fault
}

// Server is a Zulip server with one organization. It is an http.Handler. Its parts are embedded, so that a test says everything
// to the Server: s.Register, s.Fail, s.Calls.
type Server struct {
	*web.Host
	*World

	cfg    Config
	faults fault.Queue[Fault]
	routes http.Handler

	calls struct {
		sync.Mutex
		list []Call
	}
}

// Call is one call that a client made.
type Call struct {
	// Name is the call's in routes.go; Method and Path are those of the request.
	Name, Method, Path string
	// Params are its parameters, of the query or the form.
	Params map[string]string
	// User is whose login it had.
	User int64
	// Status of the answer; 0 for one that was cut off.
	Status int
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.FeatureLevel == 0 {
		cfg.FeatureLevel = 421
	}
	if cfg.MaxLength == 0 {
		cfg.MaxLength = 10_000
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 45 * time.Second
	}
	s := &Server{cfg: cfg}
	s.Host = web.New(s)
	s.World = newWorld(&s.Signal)
	s.routes = s.mux()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// Calls returns the calls of this name so far; "" is all.
func (s *Server) Calls(name string) []Call {
	s.calls.Lock()
	defer s.calls.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls.list), func(c Call) bool { return name != "" && c.Name != name })
}

// note adds a call that was answered.
func (s *Server) note(c Call) {
	s.calls.Lock()
	s.calls.list = append(s.calls.list, c)
	s.calls.Unlock()
	s.Raise()
}
