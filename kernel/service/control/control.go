// Package control is the gateway for pages of a browser that keep no connection: /control/* answers in JSON what the methods
// of the protocol do, for those that a page about the gateway needs.
//
// Who asks shows the gateway's secret as a bearer token, or begins a session with it: POST /control/session answers with a
// cookie, which scripts cannot read and no other site's page sends, and with a token that every change shows in the header
// X-CSRF-Token beside the cookie. A request is refused that comes by a host's name that is none of the gateway's (a name that
// somebody has pointed here), from a page of another origin, or with a change in another form than JSON, which every page could
// send. What the owner's settings trust, and what runs programs, is not changed here.
//
// Sessions are kept in memory: 64 of them, an hour after their last use. Changes are limited to 2 a second. Everything is safe
// for concurrent use.
package control

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

const maxBody = 1 << 20

// changes is how often something may be changed.
var changes = rate.Limit{PerSecond: 2, Burst: 30}

// Deps is what the service uses.
type Deps struct {
	Admit endpoint.Admission
	// Page refuses requests that a page of another origin has made, or that come by a foreign name. Errors: CodeForbidden.
	Page func(*http.Request) error
	// Call runs a method of the protocol for a caller. Errors: as rpc.Table's.
	Call func(ctx context.Context, c *rpc.Caller, method string, params json.RawMessage) (any, error)
	Log  hclog.Logger
}

// Service answers requests.
type Service struct {
	Deps
	log      hclog.Logger
	sessions sessions

	mu     sync.Mutex
	bucket rate.Bucket // of changes
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{Deps: d, log: d.Log.Named("control"), sessions: sessions{open: map[string]*browser{}}}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "control", Routes: []service.Route{{Pattern: "/control/*", Handler: s, MaxBody: maxBody}}}
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.serve(w, r); err != nil {
		s.refuse(w, r, err)
	}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	if err := s.Page(r); err != nil {
		return err
	}
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/control/"), "/")
	changing := r.Method != http.MethodGet && r.Method != http.MethodHead
	if changing {
		if err := s.changeable(r); err != nil {
			return err
		}
	}
	if path == "session" {
		return s.session(w, r)
	}
	caller, err := s.caller(r, changing)
	if err != nil {
		return err
	}
	a, values, err := find(r.Method, path)
	if err != nil {
		return err
	}
	params, err := a.params(w, r, values)
	if err != nil {
		return err
	}
	out, err := s.Call(r.Context(), caller, a.method, params)
	if err != nil {
		return err
	}
	endpoint.Write(w, http.StatusOK, out)
	return nil
}

// changeable refuses changes that a page without a script could make, and those that come too often.
func (s *Service) changeable(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &form{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.bucket.Take(time.Now(), changes); wait > 0 {
		return wit.ErrorAfter(wit.CodeRateLimited, wait, "too many changes at once: wait and try again")
	}
	return nil
}

// form is the error of a change that is not sent as JSON.
type form struct{}

func (*form) Error() string { return "send JSON, with the Content-Type application/json" }

// caller is who asks. A cookie alone changes nothing.
func (s *Service) caller(r *http.Request, changing bool) (*rpc.Caller, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil || r.Header.Get("Authorization") != "" {
		return s.Admit(r)
	}
	b := s.sessions.find(cookie.Value)
	switch {
	case b == nil:
		return nil, wit.NewError(wit.CodeUnauthorized, "the session is over: begin one with POST /control/session")
	case changing && !same(b.token, r.Header.Get(tokenHeader)):
		return nil, wit.NewError(wit.CodeForbidden, "a change shows the session's token in the header "+tokenHeader)
	}
	return b.caller, nil
}

// refusal is the answer to a request that was refused.
type refusal struct {
	Error problem `json:"error"`
}

type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if f, ok := err.(*form); ok {
		endpoint.Write(w, http.StatusUnsupportedMediaType, refusal{problem{string(wit.CodeInvalid), f.Error()}})
		return
	}
	if m, ok := err.(*otherMethod); ok {
		w.Header().Set("Allow", strings.Join(m.allowed, ", "))
		endpoint.Write(w, http.StatusMethodNotAllowed, refusal{problem{string(wit.CodeInvalid), m.Error()}})
		return
	}
	e := endpoint.Said(err)
	if e.Code == wit.CodeInternal {
		s.log.Error("request failed", "path", r.URL.Path, "error", err)
	}
	endpoint.Write(w, endpoint.Status(w.Header(), e), refusal{problem{string(e.Code), e.Message}})
}
