package mattermosttest

import (
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is one with the settings of a new server.
type Config struct {
	// Token is the bot's; DefaultToken when empty.
	Token string
	// Bot is who the bot is; carapace when its ID is empty.
	Bot User
	// MaxPost is how many characters a post may have; 16383 when 0.
	MaxPost int
	// MaxFile is how many bytes a file may have; 100 MB when 0.
	MaxFile int
	// Remembers is for how long a post that is sent again is known; 30 seconds when 0, not at all when below.
	Remembers time.Duration
	// Kept is how many events a connection keeps for when it goes on; 128 when 0.
	Kept int
	// Chaos may name a fault for a request that is about to be handled, with its body where that is JSON; nil is none. It may be called
	// concurrently.
	Chaos func(method, path, body string) *Fault
}

// DefaultToken is the bot's where nothing else is said.
const DefaultToken = "test-bot-access-token-26xx"

// teamID is of the one team that there is.
const teamID = "team0000000000000000000001"

// Server is a Mattermost server with one team. It is an http.Handler.
type Server struct {
	*web.Host

	cfg     Config
	faults  fault.Queue[Fault]
	mux     *http.ServeMux
	journal journal

	mu    sync.Mutex // of all below; nothing is called while it is held
	world world
	links map[string]*link
	stats Stats
}

// New returns a Server that is not listening yet. Close it.
func New(cfg Config) *Server {
	if cfg.Token == "" {
		cfg.Token = DefaultToken
	}
	if cfg.Bot.ID == "" {
		cfg.Bot = User{ID: "carapace000000000000000001", Username: "carapace"}
	}
	cfg.Bot.IsBot = true
	for n, to := range map[*int]int{&cfg.MaxPost: 16383, &cfg.MaxFile: 100 << 20, &cfg.Kept: 128} {
		if *n == 0 {
			*n = to
		}
	}
	if cfg.Remembers == 0 {
		cfg.Remembers = 30 * time.Second
	}
	s := &Server{cfg: cfg, world: newWorld(), links: map[string]*link{}}
	s.Host = web.New(s)
	s.world.users[cfg.Bot.ID] = cfg.Bot
	s.world.tokens[cfg.Token] = cfg.Bot.ID
	s.mux = s.routes()
	return s
}

// Bot returns who the bot is.
func (s *Server) Bot() User { return s.cfg.Bot }

// Token is the bot's.
func (s *Server) Token() string { return s.cfg.Token }
