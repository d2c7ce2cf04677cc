package ntfytest

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a server that everybody may read and write.
type Config struct {
	// Token is what topics need a login with: to read them, and to write to those that are not Public.
	Token string
	// Public topics may be written to by everybody.
	Public []string
	// Old is a server of before sequence ids (2.16).
	Old bool
	// NoFiles is a server that takes no files.
	NoFiles bool
	// MaxFile is the largest file, in bytes; 15 MB when 0.
	MaxFile int
	// Now is the time; time.Now when nil.
	Now func() time.Time
	// Chaos may name a fault for a request that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(kind string) *Fault
}

// Server is an ntfy server. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	fault.Faults[int]

	cfg Config

	mu        sync.Mutex
	count     int
	cache     []Message
	files     map[string][]byte
	listeners map[*listener]bool
	opened    int
	repeat    int
	requests  []Request
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxFile == 0 {
		cfg.MaxFile = 15 << 20
	}
	s := &Server{cfg: cfg, files: map[string][]byte{}, listeners: map[*listener]bool{}}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	return s
}

// SetToken is what logins have to have from now on.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Token = token
}

// Request is one that was made, and how it was answered by: 0 where it was cut off.
type Request struct {
	Method, Path, Query string
	Status              int
}

// Requests returns those that were made so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}
