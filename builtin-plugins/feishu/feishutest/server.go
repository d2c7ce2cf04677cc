package feishutest

import (
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is an app without limits.
type Config struct {
	// AppID is the app's, Bot the id of its bot; the defaults when empty.
	AppID, Bot string
	// AppSecret, EncryptKey and VerificationToken are the account's secrets; the defaults when empty.
	AppSecret, EncryptKey, VerificationToken string
	// RetryDelay is the first pause before a call of the webhook is made again; 20 ms when 0. It doubles, up to 50 times that.
	RetryDelay time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(edge string) *Fault
}

// What a Server has that is given nothing.
const (
	DefaultAppID             = "cli_a1b2c3d4e5f6"
	DefaultBot               = "ou_bot"
	DefaultAppSecret         = "test-app-secret"
	DefaultEncryptKey        = "test-encrypt-key"
	DefaultVerificationToken = "test-verification-token"
	// Token is what the app's id and secret get.
	Token = "t-test-tenant-token"
)

// Server is the platform with one app. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	*web.Outbox[[]byte] // bodies of calls
	fault.Faults[int]

	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	count    int
	people   map[string]string // names by open id
	chats    map[string]*Chat
	files    map[string]*file
	messages map[string]*Message
	order    []*Message
	uuids    map[string]*Message
	asked    int      // for tokens
	replies  []string // to calls
	tickets  map[string]bool
	sockets  []*socket // that are open
	opened   int       // sockets so far
	pings    int
	split    bool
}

// Chat is a group, or a direct chat with Person.
type Chat struct{ ID, Name, Person string }

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	for field, value := range map[*string]string{
		&cfg.AppID: DefaultAppID, &cfg.Bot: DefaultBot, &cfg.AppSecret: DefaultAppSecret,
		&cfg.EncryptKey: DefaultEncryptKey, &cfg.VerificationToken: DefaultVerificationToken,
	} {
		if *field == "" {
			*field = value
		}
	}
	if cfg.RetryDelay == 0 {
		cfg.RetryDelay = 20 * time.Millisecond
	}
	s := &Server{cfg: cfg, people: map[string]string{}, chats: map[string]*Chat{},
		files: map[string]*file{}, messages: map[string]*Message{}, uuids: map[string]*Message{}, tickets: map[string]bool{}}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.Outbox = web.NewOutbox[[]byte](s.Host, cfg.RetryDelay, 1)
	s.routes()
	return s
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string {
	return map[string]string{"appSecret": s.cfg.AppSecret, "encryptKey": s.cfg.EncryptKey, "verificationToken": s.cfg.VerificationToken}
}
