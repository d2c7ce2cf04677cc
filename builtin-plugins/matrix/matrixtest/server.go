package matrixtest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a server of version 1.16 without limits.
type Config struct {
	// Name is the server's name in ids; test.local when empty.
	Name string
	// Versions are those of the API that it says it knows.
	Versions []string
	// Timeline is how many events of a room a sync brings at most, whatever is asked for; 0 is what is asked for.
	Timeline int
	// UploadLimit bounds a file, in bytes; 50 MB when 0.
	UploadLimit int64
	// Chaos may name a fault for a call that is about to be handled; nil is none. It is called with the call's name and may be
	// called concurrently.
	Chaos func(call string) *Fault
}

// Server is a homeserver. It is an http.Handler. Its parts are embedded, so that a test says everything to the Server:
// s.Register, s.Fail, s.Calls.
type Server struct {
	*web.Host
	*World
	*Journal

	cfg    Config
	faults fault.Queue[Fault]
	routes http.Handler
	files  files
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.Name == "" {
		cfg.Name = "test.local"
	}
	if cfg.Versions == nil {
		cfg.Versions = []string{"v1.1", "v1.11", "v1.12", "v1.16"}
	}
	if cfg.UploadLimit == 0 {
		cfg.UploadLimit = 50 << 20
	}
	s := &Server{cfg: cfg}
	s.Host = web.New(s)
	s.World, s.Journal = newWorld(cfg.Name, &s.Signal), &Journal{happened: &s.Signal}
	s.routes = s.mux()
	return s
}

// Name returns the server's name in ids.
func (s *Server) Name() string { return s.cfg.Name }
