package googlechattest

import (
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is an app without limits.
type Config struct {
	// Project is the number of the app's project, Email that of its service account; the defaults when empty.
	Project, Email string
	// RetryDelay is the first pause before an event is posted again; 20 ms when 0. It doubles, up to 50 times that.
	RetryDelay time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(call string) *Fault
}

// What a Server has that is given nothing.
const (
	DefaultProject = "123456789012"
	DefaultEmail   = "assistant@test-project.iam.gserviceaccount.com"
)

// Server is the Google Chat API with one app. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	*web.Outbox[map[string]any]
	fault.Faults[string]

	cfg Config

	mu     sync.Mutex
	count  int
	tokens map[string]bool
	spaces map[string]*Space
	met    map[string]string // direct messages by person
	files  map[string]file
	sent   []Sent
	said   map[string]map[string]any // what people have written, by name
	made   map[string]string         // messages by request id
}

// Person is somebody with an account; Name is users/… .
type Person struct{ Name, DisplayName, Email string }

// Space is where things are said: of the type DIRECT_MESSAGE, GROUP_CHAT or SPACE. Name is spaces/… .
type Space struct{ Name, Type, DisplayName string }

type file struct {
	data []byte
	mime string
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	if cfg.Project == "" {
		cfg.Project = DefaultProject
	}
	if cfg.Email == "" {
		cfg.Email = DefaultEmail
	}
	if cfg.RetryDelay == 0 {
		cfg.RetryDelay = 20 * time.Millisecond
	}
	s := &Server{
		cfg: cfg, tokens: map[string]bool{}, spaces: map[string]*Space{}, met: map[string]string{}, files: map[string]file{}, made: map[string]string{},
		said: map[string]map[string]any{},
	}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.Outbox = web.NewOutbox[map[string]any](s.Host, cfg.RetryDelay, 1)
	s.Use("http://chat.test")
	return s
}

// Settings are what the account's configuration has to be.
func (s *Server) Settings() map[string]any {
	return map[string]any{"projectNumber": s.cfg.Project, "clientEmail": s.cfg.Email, "apiRoot": s.Root(), "tokenUrl": s.Root() + "/token", "keysUrl": s.Root() + "/keys"}
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string { return map[string]string{"privateKey": clientKey()} }

// next is an id that was not given out yet.
func (s *Server) next(kind string) string {
	s.count++
	return kind + strconv.Itoa(1000+s.count)
}
