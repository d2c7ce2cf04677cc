package twiliotest

import (
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is an account with one number.
type Config struct {
	// AccountSID, AuthToken and Number are the account's own; the defaults when empty.
	AccountSID, AuthToken, Number string
	// Service is the SID of a messaging service that the number belongs to, "" for none.
	Service string
	// KeySID and KeySecret are an API key's, "" for none.
	KeySID, KeySecret string
	// StatusDelay goes before the first status of a message that was taken; 2 ms when 0.
	StatusDelay time.Duration
	// Now is the time; time.Now when nil.
	Now func() time.Time
	// Chaos may name a fault for a request that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(kind string) *Fault
}

// What a Server has that is given nothing.
const (
	DefaultAccountSID = "AC0123456789abcdef0123456789abcdef"
	DefaultAuthToken  = "fedcba9876543210fedcba9876543210"
	DefaultNumber     = "+15005550006"
)

// Server is the API with one account. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	fault.Faults[int]

	cfg Config

	mu       sync.Mutex
	count    int
	messages []Message
	files    map[string]file
	stopped  map[string]bool // numbers that have unsubscribed
	fate     map[string]int  // codes with which messages to a number are not delivered
	hook     hook
	requests []Request
}

type file struct {
	data []byte
	mime string
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	for field, value := range map[*string]string{&cfg.AccountSID: DefaultAccountSID, &cfg.AuthToken: DefaultAuthToken, &cfg.Number: DefaultNumber} {
		if *field == "" {
			*field = value
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.StatusDelay == 0 {
		cfg.StatusDelay = 2 * time.Millisecond
	}
	s := &Server{
		cfg: cfg, files: map[string]file{}, stopped: map[string]bool{}, fate: map[string]int{},
		hook: hook{client: http.DefaultClient, people: map[string]chan struct{}{}},
	}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	return s
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string {
	secrets := map[string]string{"authToken": s.cfg.AuthToken}
	if s.cfg.KeySecret != "" {
		secrets["apiKeySecret"] = s.cfg.KeySecret
	}
	return secrets
}

// Request is one that was handled.
type Request struct {
	Kind, Query string
	Login       string // by whom: the user's name
}

// Requests returns those that were handled so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}
