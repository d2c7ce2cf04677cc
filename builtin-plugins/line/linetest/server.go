package linetest

import (
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is an account without limits.
type Config struct {
	// ChannelID, ChannelSecret and Bot are the account's; the defaults when empty.
	ChannelID, ChannelSecret, Bot string
	// RetryDelay is the first pause before a call of the webhook is made again; 20 ms when 0. It doubles, up to 50 times that.
	RetryDelay time.Duration
	// Quota is how many messages can be pushed; 0 is any number.
	Quota int
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(edge string) *Fault
}

// What a Server has that is given nothing.
const (
	DefaultChannelID     = "1654883387"
	DefaultChannelSecret = "test-channel-secret"
	DefaultBot           = "Ubot"
	// Token is what the channel's id and secret get.
	Token = "test-channel-token"
)

// Server is the Messaging API, and the one for files, with one account. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	*web.Outbox[map[string]any] // events
	fault.Faults[string]

	cfg Config
	mux *http.ServeMux

	mu      sync.Mutex
	count   int
	people  map[string]string // names by user id
	groups  map[string]string // names by group or room id
	files   map[string][]byte // by message id
	tokens  map[string]*replyToken
	quotes  map[string]string   // message ids by quote token
	keys    map[string][]string // ids of what was pushed, by retry key
	pushed  int
	loading []string
	sent    []Sent
}

// replyToken is one that was given out.
type replyToken struct {
	to   string
	used bool
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	for field, value := range map[*string]string{&cfg.ChannelID: DefaultChannelID, &cfg.ChannelSecret: DefaultChannelSecret, &cfg.Bot: DefaultBot} {
		if *field == "" {
			*field = value
		}
	}
	if cfg.RetryDelay == 0 {
		cfg.RetryDelay = 20 * time.Millisecond
	}
	s := &Server{cfg: cfg, people: map[string]string{}, groups: map[string]string{},
		files: map[string][]byte{}, tokens: map[string]*replyToken{}, quotes: map[string]string{}, keys: map[string][]string{}}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.Outbox = web.NewOutbox[map[string]any](s.Host, cfg.RetryDelay, maxEvents)
	s.routes()
	return s
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string {
	return map[string]string{"channelSecret": s.cfg.ChannelSecret}
}
