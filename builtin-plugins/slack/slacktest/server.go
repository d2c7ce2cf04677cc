package slacktest

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is an app without limits.
type Config struct {
	// BotToken, AppToken and SigningSecret are the app's; DefaultBotToken and so on when empty.
	BotToken, AppToken, SigningSecret string
	// Bot is who the app's bot is; carapace, with the id U0CARAPACE, when its ID is empty.
	Bot User
	// ChannelInterval is the least time between two messages to one channel; what comes sooner is answered 429. 0 is none.
	ChannelInterval time.Duration
	// AckTimeout is after how long an envelope that was not acknowledged comes again; 3 seconds when 0.
	AckTimeout time.Duration
	// RetryDelay is the pause before a call of the webhook that was not answered well is made again; a second when 0.
	RetryDelay time.Duration
	// Grace is how long a connection stays open after Disconnect; 10 seconds when 0.
	Grace time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(method string) *Fault
}

// What a Server has that is given nothing else.
const (
	DefaultBotToken      = "xoxb-000-test-bot-token"
	DefaultAppToken      = "xapp-1-A0TEST-000-test-app-token"
	DefaultSigningSecret = "8f742231b10e8888abcd99yyyzzz85a5"

	teamID = "T0TEAM"
	appID  = "A0TEST"
	botID  = "B0CARAPACE"
)

// Server is a workspace with one app. It is an http.Handler.
type Server struct {
	*web.Host

	cfg     Config
	faults  fault.Queue[Fault]
	journal journal

	mu    sync.Mutex // of all below; nothing is called while it is held
	world world
	post  office
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	set := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	set(&cfg.BotToken, DefaultBotToken)
	set(&cfg.AppToken, DefaultAppToken)
	set(&cfg.SigningSecret, DefaultSigningSecret)
	if cfg.Bot.ID == "" {
		cfg.Bot = User{ID: "U0CARAPACE", Name: "carapace", RealName: "Carapace"}
	}
	cfg.Bot.IsBot = true
	for d, to := range map[*time.Duration]time.Duration{&cfg.AckTimeout: 3 * time.Second, &cfg.RetryDelay: time.Second, &cfg.Grace: 10 * time.Second} {
		if *d == 0 {
			*d = to
		}
	}
	s := &Server{cfg: cfg, world: newWorld(cfg.Bot)}
	s.Host = web.New(s)
	s.post.tickets = map[string]bool{}
	return s
}

// Bot returns who the app's bot is.
func (s *Server) Bot() User { return s.cfg.Bot }

// BotToken, AppToken and SigningSecret are the app's.
func (s *Server) BotToken() string { return s.cfg.BotToken }

// AppToken is what apps.connections.open is called with.
func (s *Server) AppToken() string { return s.cfg.AppToken }

// SigningSecret is the key of the signatures of calls.
func (s *Server) SigningSecret() string { return s.cfg.SigningSecret }
