package teamstest

import (
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a bot without limits.
type Config struct {
	// AppID, TenantID and Secret are the bot's own; the defaults when empty.
	AppID, TenantID, Secret string
	// RetryDelay is the first pause before an activity is posted again; 20 ms when 0. It doubles, up to 50 times that.
	RetryDelay time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(call string) *Fault
}

// What a Server has that is given nothing.
const (
	DefaultAppID    = "8b3c1c6e-0f5d-4f0e-9a53-2f0f6f1d2c11"
	DefaultTenantID = "5d0a7c3e-1111-4c6e-8f7a-6b2f5e9c0a01"
	DefaultSecret   = "test-client-secret"
)

// Server is the Bot Connector with one bot. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	*web.Outbox[map[string]any]
	fault.Faults[string]

	cfg Config

	mu      sync.Mutex
	count   int
	tokens  map[string]bool
	chats   map[string]*Chat
	met     map[string]string // personal chats by person
	files   map[string]*file
	sent    []Sent
	typed   []string
	said    []string // ids of what people have said, with the chat's before them
	answers []string // to invokes
}

// Person is somebody of the organisation.
type Person struct{ ID, Name string }

// Chat is where things are said: of the type personal, groupChat or channel.
type Chat struct{ ID, Type, Name, Team string }

type file struct {
	data    []byte
	mime    string
	private bool // it wants the bot's token
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	for field, value := range map[*string]string{&cfg.AppID: DefaultAppID, &cfg.TenantID: DefaultTenantID, &cfg.Secret: DefaultSecret} {
		if *field == "" {
			*field = value
		}
	}
	if cfg.RetryDelay == 0 {
		cfg.RetryDelay = 20 * time.Millisecond
	}
	s := &Server{
		cfg: cfg, tokens: map[string]bool{}, chats: map[string]*Chat{}, met: map[string]string{}, files: map[string]*file{},
	}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.Outbox = web.NewOutbox[map[string]any](s.Host, cfg.RetryDelay, 1)
	s.Use("http://teams.test")
	return s
}

// Settings are what the account's configuration has to be.
func (s *Server) Settings() map[string]any {
	return map[string]any{
		"appId": s.cfg.AppID, "tenantId": s.cfg.TenantID, "serviceUrl": s.Service(),
		"tokenUrl": s.Root() + "/{tenantId}/oauth2/v2.0/token", "keysUrl": s.Root() + "/openid",
	}
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string { return map[string]string{"appSecret": s.cfg.Secret} }

// Service is the address that activities come with.
func (s *Server) Service() string { return s.Root() + "/teams/" }

// Me is the bot's id in conversations.
func (s *Server) Me() string { return "28:" + s.cfg.AppID }

// next is an id that was not given out yet. Those of activities are times.
func (s *Server) next() string {
	s.count++
	return strconv.Itoa(1_700_000_000_000 + s.count)
}
