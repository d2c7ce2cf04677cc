package whatsapptest

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Config sets up a Server. The zero value is a number without limits.
type Config struct {
	// PhoneNumberID and Number are the account's own; DefaultPhoneNumberID and DefaultNumber when empty.
	PhoneNumberID, Number string
	// Token, AppSecret and VerifyToken are the account's secrets; the defaults when empty.
	Token, AppSecret, VerifyToken string
	// RetryDelay is the first pause before a call of the webhook is made again; 20 ms when 0. It doubles, up to 50 times that.
	RetryDelay time.Duration
	// StatusDelay goes before the first status of a message that was taken; 5 ms when 0.
	StatusDelay time.Duration
	// Chaos may name a fault for a call that is about to be handled; nil is none. It may be called concurrently.
	Chaos func(edge string) *Fault
	// Now is the time; time.Now when nil.
	Now func() time.Time
}

// What a Server has that is given nothing.
const (
	DefaultPhoneNumberID = "106540352242922"
	DefaultNumber        = "15550783881"
	DefaultToken         = "EAAtest-access-token"
	DefaultAppSecret     = "test-app-secret"
	DefaultVerifyToken   = "test-verify-token"
)

// Server is the Cloud API with one number. It is an http.Handler. Close it.
type Server struct {
	*web.Host
	*web.Outbox[map[string]any] // values of changes
	fault.Faults[int]

	cfg Config

	mu     sync.Mutex
	count  int
	people map[string]*Person
	files  map[string]*file
	names  map[string]bool // templates, "name/language"
	calls  []Call
	sent   []Sent
	menu   []Command
}

// Person is somebody who writes to the number.
type Person struct {
	Number string // wa_id
	User   string // business-scoped user id, "" for none
	Name   string
	// Hidden has the number left out of what the program is told.
	Hidden bool

	wrote time.Time
}

// New returns a Server that is not listening yet.
func New(cfg Config) *Server {
	for field, value := range map[*string]string{
		&cfg.PhoneNumberID: DefaultPhoneNumberID, &cfg.Number: DefaultNumber, &cfg.Token: DefaultToken,
		&cfg.AppSecret: DefaultAppSecret, &cfg.VerifyToken: DefaultVerifyToken,
	} {
		if *field == "" {
			*field = value
		}
	}
	if cfg.RetryDelay == 0 {
		cfg.RetryDelay = 20 * time.Millisecond
	}
	if cfg.StatusDelay == 0 {
		cfg.StatusDelay = 5 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, people: map[string]*Person{}, files: map[string]*file{}, names: map[string]bool{}}
	s.Host = web.New(s)
	s.Chaos = cfg.Chaos
	s.Outbox = web.NewOutbox[map[string]any](s.Host, cfg.RetryDelay, maxChanges)
	return s
}

// Secrets are what the account's credentials have to be.
func (s *Server) Secrets() map[string]string {
	return map[string]string{"accessToken": s.cfg.Token, "appSecret": s.cfg.AppSecret, "verifyToken": s.cfg.VerifyToken}
}
