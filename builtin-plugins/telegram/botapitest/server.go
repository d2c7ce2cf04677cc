package botapitest

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a bot without limits.
type Config struct {
	// Token is what the bot calls with; DefaultToken when empty.
	Token string
	// Bot is who the bot is; @carapace_test_bot when its ID is 0.
	Bot User
	// ChatInterval is the least time between two messages to one chat, GlobalRate how many messages a
	// second the bot may send at all. What comes sooner is answered 429. 0 switches a limit off.
	ChatInterval time.Duration
	GlobalRate   int
	// Retention is how long updates wait; 24 hours when 0.
	Retention time.Duration
	// WebhookDelay is the first pause before an update is posted again; 1 second when 0. It doubles.
	WebhookDelay time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It is called with
	// the method's name in lower case and may be called concurrently.
	Chaos func(method string) *Fault
}

// DefaultToken is the token of a Server that is given none.
const DefaultToken = "110201543:carapace-test-token"

// Server is a Bot API server with one bot. It is an http.Handler. Its parts are embedded, each with a lock
// of its own, so that a test that plays the other side says everything to the Server: s.Say, s.Fail, s.Sent.
// Locks are taken in the order Chats, Updates, Journal.
type Server struct {
	*web.Host
	*Chats
	*Updates
	*Journal

	cfg    Config
	faults fault.Queue[Fault]
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.Token == "" {
		cfg.Token = DefaultToken
	}
	if cfg.Bot.ID == 0 {
		cfg.Bot = User{ID: 110201543, FirstName: "Carapace", Username: "carapace_test_bot"}
	}
	cfg.Bot.IsBot = true
	if cfg.Retention == 0 {
		cfg.Retention = 24 * time.Hour
	}
	if cfg.WebhookDelay == 0 {
		cfg.WebhookDelay = time.Second
	}
	s := &Server{cfg: cfg}
	s.Host = web.New(s)
	s.Updates, s.Journal = newUpdates(cfg, &s.Signal), &Journal{happened: &s.Signal}
	s.Chats = newChats(cfg, s.Updates, s.Journal)
	return s
}

// Close ends waiting polls, the webhook's deliveries and the listener, and waits for them.
func (s *Server) Close() error {
	s.Updates.close()
	return s.Host.Close()
}

// Token returns the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// Bot returns who the bot is.
func (s *Server) Bot() User { return s.cfg.Bot }
