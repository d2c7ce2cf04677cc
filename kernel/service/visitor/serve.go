package visitor

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// ServeHTTP implements http.Handler. A refusal is JSON: {"error":{"code":…,"message":…}}.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.serve(w, r)
	if err == nil {
		return
	}
	e := endpoint.Said(err)
	if e.Code == wit.CodeInternal {
		s.log.Error("a visitor's request failed", "path", r.URL.Path, "error", err)
	}
	endpoint.Write(w, endpoint.Status(w.Header(), e), map[string]any{"error": map[string]any{"code": e.Code, "message": e.Message}})
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) error {
	p, below, ok := s.find(r)
	if !ok {
		return wit.NewError(wit.CodeNotFound, "not found")
	}
	if !strings.HasSuffix(r.URL.Path, "/") && below == "" {
		http.Redirect(w, r, r.URL.Path+"/", http.StatusFound) // what the page names is below it
		return nil
	}
	asked, api := strings.CutPrefix(below, "-/")
	if !api {
		return s.serveFile(w, r, p, below)
	}
	if err := p.admits(w, r); err != nil {
		return err
	}
	if r.Method == http.MethodOptions {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return s.api(w, r, p, asked)
}

// api answers what the page's script asks for.
func (s *Service) api(w http.ResponseWriter, r *http.Request, p *place, asked string) error {
	name, rest, _ := strings.Cut(asked, "/")
	method := http.MethodPost
	if name == "events" || name == "file" {
		method = http.MethodGet
	}
	if !endpoint.Allows(w, r, method) {
		return nil
	}
	if asked == "visit" {
		return s.visit(w, r, p)
	}
	v, until, err := s.who(r, p)
	if err != nil {
		return err
	}
	switch {
	case asked == "events":
		return s.stream(w, r, p, v, until)
	case asked == "ack":
		return s.ack(w, r, v)
	case asked == "end":
		return s.end(w, r, v)
	case name == "file" && rest != "":
		return s.pushed(w, r, v, rest)
	case name == "call":
		return s.call(w, r, p, v, "/"+rest)
	}
	return wit.NewError(wit.CodeNotFound, "not found")
}

// who is the visit that a request's token is of, which was not ended.
func (s *Service) who(r *http.Request, p *place) (v visit, until time.Time, err error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	v = visit{channel: p.channel, account: p.account}
	if v.visitor, until, err = s.tokens.read(forCalls, p.channel, p.account, token); err != nil {
		return v, until, err
	}
	return v, until, s.Visits.open(r.Context(), v.key())
}

func (v visit) key() string { return visitKey(v.channel, v.account, v.visitor) }

// maxSmall bounds the bodies of what the kernel answers itself.
const maxSmall = 4 << 10

// small reads such a body, which may be empty.
func small(w http.ResponseWriter, r *http.Request, into any) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxSmall)
	if r.ContentLength == 0 {
		return nil
	}
	return endpoint.Decode(w, r, into)
}

// visit begins a visit, or goes on with the one that a pass is of.
func (s *Service) visit(w http.ResponseWriter, r *http.Request, p *place) error {
	if err := s.limits.take(of("visit", s.Address(r)), visitsOfAddress); err != nil {
		return err
	}
	leave, err := s.limits.enter(share{of("calls", s.Address(r)), callsFromOne}, share{"calls " + p.channel + "/" + p.account, callsAtOnce})
	if err != nil {
		return err
	}
	defer leave()
	var in struct {
		Pass string `json:"pass"`
	}
	if err := small(w, r, &in); err != nil {
		return err
	}
	v := visit{p.channel, p.account, newVisitor()}
	if in.Pass != "" {
		if v.visitor, _, err = s.tokens.read(forPass, p.channel, p.account, in.Pass); err != nil {
			return err
		}
		if err := s.Visits.open(r.Context(), v.key()); err != nil {
			return err
		}
	}
	pass, _ := s.tokens.sign(forPass, v)
	token, until := s.tokens.sign(forCalls, v)
	endpoint.Write(w, http.StatusOK, map[string]any{
		"visitor": v.visitor, "pass": pass, "token": token, "expiresIn": time.Until(until).Milliseconds(),
		"maxFile": p.facts.MaxFile, "maxBody": p.facts.MaxBody,
	})
	return nil
}

// ack notes up to where the browser has what was pushed.
func (s *Service) ack(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.limits.take("ack "+v.key(), rate.Limit{PerSecond: 4, Burst: 40}); err != nil {
		return err
	}
	var in struct {
		Seq int64 `json:"seq"`
	}
	if err := small(w, r, &in); err != nil {
		return err
	}
	if err := s.Visits.ack(r.Context(), v.key(), in.Seq); err != nil {
		return err
	}
	endpoint.Write(w, http.StatusOK, struct{}{})
	return nil
}

// end forgets the visit; its tokens are good for nothing from now on.
func (s *Service) end(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.Visits.end(context.WithoutCancel(r.Context()), v.key()); err != nil {
		return err
	}
	endpoint.Write(w, http.StatusOK, struct{}{})
	return nil
}
