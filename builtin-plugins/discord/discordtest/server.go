package discordtest

import (
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a bot without limits.
type Config struct {
	// Token is what the bot identifies with; DefaultToken when empty.
	Token string
	// Heartbeat is the interval that Hello asks for; 41.25 seconds when 0.
	Heartbeat time.Duration
	// PerChannel is how many messages a channel takes within Window; what comes sooner is answered 429. 0 is no limit.
	PerChannel int
	Window     time.Duration
	// Disallowed are intents that have not been switched on for the bot.
	Disallowed int
	// Starts is how many sessions may still be begun today; without a limit when 0, none when below 0.
	Starts int
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(route string) *Fault
}

// DefaultToken is the token of a Server that is given none.
const DefaultToken = "MTE.carapace.test-token"

// DefaultHeartbeat is Discord's own.
const DefaultHeartbeat = 41_250 * time.Millisecond

// Server is Discord with one bot. It is an http.Handler. Its parts are embedded, so that a test that plays the other side says
// everything to the Server: s.Say, s.Fail, s.Sent. Locks are taken in the order world, Gateway, Journal.
type Server struct {
	*web.Host
	*world
	*Gateway
	*Journal

	cfg    Config
	faults fault.Queue[Fault]
	mux    *http.ServeMux
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.Token == "" {
		cfg.Token = DefaultToken
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = DefaultHeartbeat
	}
	s := &Server{cfg: cfg}
	s.Host = web.New(s)
	s.Gateway, s.Journal = newGateway(cfg, s.Host), &Journal{happened: &s.Signal}
	s.world = newWorld(s.Gateway, &s.Signal)
	s.Gateway.world = s.world
	s.mux = s.routes()
	return s
}

// Close ends the gateway's connections and the listener, and waits for them.
func (s *Server) Close() error {
	s.Gateway.stop()
	return s.Host.Close()
}

// Token returns the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// authorized reports whether a token is the bot's, also with the word that stands before it in a header.
func (c *Config) authorized(token string) bool {
	return strings.TrimPrefix(token, "Bot ") == c.Token
}
