package botapi

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
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

// Server is a Bot API server with one bot. It is an http.Handler.
type Server struct {
	cfg    Config
	client *http.Client

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever anything happens
	queue    queue
	world    world
	limits   limiter
	faults   []Fault
	calls    []Call
	sent     []Sent
	webhook  webhook
	commands []Command
	poll     *poll
	closed   bool

	http *http.Server
	done sync.WaitGroup
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
	return &Server{
		cfg:     cfg,
		client:  &http.Client{Timeout: 30 * time.Second},
		changed: make(chan struct{}),
		queue:   queue{next: 100_000, handed: map[int64]bool{}},
		world:   newWorld(),
		limits:  limiter{last: map[int64]time.Time{}},
	}
}

// Listen serves on addr (127.0.0.1:0 picks a port) and returns the address as a URL to give a bot as
// its API root.
func (s *Server) Listen(addr string) (url string, err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.done.Go(func() { _ = s.http.Serve(l) })
	return "http://" + l.Addr().String(), nil
}

// Close ends waiting polls, the webhook's deliveries and the listener, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.endPoll(nil)
	s.stopWebhook()
	s.touch()
	s.mu.Unlock()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	s.done.Wait()
	return err
}

// Token returns the bot's token.
func (s *Server) Token() string { return s.cfg.Token }

// Bot returns who the bot is.
func (s *Server) Bot() User { return s.cfg.Bot }

// Wait returns when ok answers true, or with ctx's error. ok is asked again after each thing that
// happens, without the server's lock.
func (s *Server) Wait(ctx context.Context, ok func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// touch wakes everybody who waits for something to happen. The lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// apiError is an answer other than ok.
type apiError struct {
	Code        int
	Description string
	RetryAfter  int
	MigrateTo   int64
}

func (e *apiError) Error() string { return e.Description }

func badRequest(what string) *apiError {
	return &apiError{Code: 400, Description: "Bad Request: " + what}
}

type envelope struct {
	OK          bool        `json:"ok"`
	Result      any         `json:"result,omitempty"`
	ErrorCode   int         `json:"error_code,omitempty"`
	Description string      `json:"description,omitempty"`
	Parameters  *parameters `json:"parameters,omitempty"`
}

type parameters struct {
	RetryAfter      int   `json:"retry_after,omitempty"`
	MigrateToChatID int64 `json:"migrate_to_chat_id,omitempty"`
}

// ServeHTTP answers /bot<token>/<method> and /file/bot<token>/<path>.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	file := strings.HasPrefix(path, "file/")
	path = strings.TrimPrefix(path, "file/")
	token, rest, ok := strings.Cut(strings.TrimPrefix(path, "bot"), "/")
	switch {
	case !strings.HasPrefix(path, "bot") || !ok:
		writeError(w, &apiError{Code: 404, Description: "Not Found"})
	case token != s.cfg.Token:
		writeError(w, &apiError{Code: 401, Description: "Unauthorized"})
	case file:
		s.serveFile(w, r, rest)
	default:
		s.serveMethod(w, r, strings.ToLower(rest))
	}
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request, method string) {
	p, err := readParams(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	handle, known := methods[method]
	if !known {
		writeError(w, &apiError{Code: 404, Description: "Not Found: method not found"})
		return
	}
	fault := s.nextFault(method)
	if fault != nil && !fault.CutAfter {
		s.record(method, p, nil, fault)
		fault.play(w, r)
		return
	}
	result, err := handle(s, r, p)
	s.record(method, p, err, fault)
	switch {
	case fault != nil:
		panic(http.ErrAbortHandler)
	case err != nil:
		writeError(w, err)
	default:
		writeJSON(w, 200, envelope{OK: true, Result: result})
	}
}

func (s *Server) record(method string, p params, err error, fault *Fault) {
	call := Call{Method: method, Params: p.strings(), At: time.Now()}
	if e := (*apiError)(nil); errors.As(err, &e) {
		call.Code = e.Code
	}
	if fault != nil {
		call.Fault = fault.name()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	s.touch()
}

func writeError(w http.ResponseWriter, err error) {
	e := (*apiError)(nil)
	if !errors.As(err, &e) {
		e = &apiError{Code: 500, Description: "Internal Server Error: " + err.Error()}
	}
	out := envelope{ErrorCode: e.Code, Description: e.Description}
	if e.RetryAfter > 0 || e.MigrateTo != 0 {
		out.Parameters = &parameters{RetryAfter: e.RetryAfter, MigrateToChatID: e.MigrateTo}
	}
	writeJSON(w, e.Code, out)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = 500, []byte(`{"ok":false,"error_code":500,"description":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
