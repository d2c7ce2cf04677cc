package gateway

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/go-chi/chi/v5"
	"github.com/hashicorp/go-hclog"
)

// maxBody bounds a request's body where its route says nothing else.
const maxBody = 1 << 20

// bodyTime is how long a client may take to send a request.
const bodyTime = time.Minute

// web is the HTTP side. Upgrades go to the door; all other paths are its own or those of services.
type web struct {
	version  string
	started  time.Time
	auth     Authority
	door     *door
	ready    func(context.Context) error // nil is always ready
	channels func() any                  // nil says nothing
	stopping func() bool
	log      hclog.Logger
}

// handler builds the routes: the gateway's own paths, then those of services.
func (s *web) handler(metrics http.Handler, routes []Route) http.Handler {
	r := chi.NewRouter()
	r.Use(s.guard)
	r.NotFound(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/" && strings.Contains(q.Header.Get("Accept"), "text/html") {
			s.servePage(w, q)
			return
		}
		problem(w, http.StatusNotFound, "not found", "not_found")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, q *http.Request) {
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			if r.Match(chi.NewRouteContext(), m, q.URL.Path) {
				w.Header().Add("Allow", m)
			}
		}
		problem(w, http.StatusMethodNotAllowed, "method not allowed", "invalid_request_error")
	})
	for _, path := range []string{"/health", "/healthz"} {
		r.Get(path, s.serveHealth)
		r.Head(path, s.serveHealth)
	}
	for _, path := range []string{"/ready", "/readyz"} {
		r.Get(path, s.serveReady)
	}
	// Local tools read metrics without a token: they say how much is done, not what.
	r.Get("/metrics", func(w http.ResponseWriter, q *http.Request) {
		if !s.known(q) {
			s.unauthorized(w, q)
			return
		}
		metrics.ServeHTTP(w, q)
	})
	r.Get("/ws", s.door.upgrade)
	shared := map[string][]Route{}
	for _, route := range routes {
		shared[route.Pattern] = append(shared[route.Pattern], route)
	}
	for pattern, routes := range shared {
		r.HandleFunc(pattern, func(w http.ResponseWriter, q *http.Request) {
			i := slices.IndexFunc(routes, func(route Route) bool { return route.Takes == nil || route.Takes(q) })
			if i < 0 {
				problem(w, http.StatusNotFound, "not found", "not_found")
				return
			}
			s.serve(w, q, routes[i])
		})
	}
	return r
}

// serve has a service's route answer, with its bound for bodies and with room for what they hold, and sees to it that nobody
// tries its secrets for long.
func (s *web) serve(w http.ResponseWriter, q *http.Request, route Route) {
	limit := route.MaxBody
	if limit == 0 {
		limit = maxBody
	}
	a := &answer{ResponseWriter: w, refused: func() time.Duration { return s.auth.Refused(q) }}
	if !route.Streams {
		a.body.ReadCloser, a.body.of = q.Body, s.door.transport.memory
		q.Body = &a.body
		defer a.body.release()
	}
	q.Body = http.MaxBytesReader(w, q.Body, limit)
	route.Handler.ServeHTTP(a, q)
}

// guard sets the headers of every answer, sends upgrades of / to the WebSocket, and keeps a handler's
// panic to itself.
func (s *web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			s.door.upgrade(w, r)
			return
		}
		// Plugins answer some of the routes: a browser must neither guess at types nor frame them, and what
		// shows a person's data is not to be kept by caches. A route may set its own.
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				s.log.Error("HTTP handler panicked", "path", r.URL.Path, "panic", p)
				problem(w, http.StatusInternalServerError, "internal error", "internal")
			}
		}()
		// ReadHeaderTimeout covers the header only; a body could otherwise be sent for ever.
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can
		}
		lingering(next).ServeHTTP(w, r)
	})
}

// serveHealth says that the process answers, whatever else is wrong.
func (s *web) serveHealth(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"status": "ok", "version": s.version, "uptimeSeconds": int64(time.Since(s.started).Seconds())})
}

// known reports whether a request is of this machine, or shows a secret that is right.
func (s *web) known(r *http.Request) bool {
	_, err := s.auth.HTTP(r)
	return err == nil || s.auth.Peer(r).Local
}

// serveReady tells the reason to the log only: anybody may ask. How the channels are is no reason, and is told to who may
// read /metrics too.
func (s *web) serveReady(w http.ResponseWriter, r *http.Request) {
	known := s.known(r)
	if !known && r.Header.Get("Authorization") != "" {
		s.unauthorized(w, r) // it must not tell guesses from each other
		return
	}
	var err error
	switch {
	case s.stopping():
		err = wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
	case s.ready != nil:
		err = s.ready(r.Context())
	}
	if err != nil {
		s.log.Debug("not ready", "reason", err)
		retryAfter(w, backAgain)
		reply(w, http.StatusServiceUnavailable, map[string]any{"status": "not_ready", "version": s.version})
		return
	}
	body := map[string]any{"status": "ready", "version": s.version}
	if known && s.channels != nil {
		body["channels"] = s.channels()
	}
	reply(w, http.StatusOK, body)
}

// unauthorized refuses a request of the gateway's own paths. Without a secret it was no guess.
func (s *web) unauthorized(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		if wait := s.auth.Refused(r); wait > 0 {
			tooMany(w, wait)
			return
		}
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	problem(w, http.StatusUnauthorized, "Unauthorized", "unauthorized")
}

// tooMany tells a client that fails too often when to come back.
func tooMany(w http.ResponseWriter, wait time.Duration) {
	retryAfter(w, wait)
	problem(w, http.StatusTooManyRequests, "too many failed logins: wait and try again", "rate_limit_error")
}

// retryAfter says when to come back, in whole seconds as HTTP has them.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// answer is what a service's route writes to. Its 401 is a failed login, and no other error is told of a body for which there was
// no room.
type answer struct {
	http.ResponseWriter
	refused func() time.Duration
	body    body
	over    bool // it was answered for the route
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	switch {
	case a.over:
		return
	case status >= http.StatusBadRequest && a.body.claim.refused:
		a.take()
		retryAfter(a.ResponseWriter, roomAgain)
		problem(a.ResponseWriter, http.StatusServiceUnavailable, noRoom, "unavailable")
		return
	case status == http.StatusUnauthorized:
		if wait := a.refused(); wait > 0 {
			a.take()
			tooMany(a.ResponseWriter, wait)
			return
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// take answers for the route: what it says from here on is not sent.
func (a *answer) take() {
	a.over = true
	a.Header().Del("WWW-Authenticate")
	a.Header().Del("Content-Length")
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.over {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// problem answers with an error object of the shape that clients of chat APIs read.
func problem(w http.ResponseWriter, status int, message, kind string) {
	reply(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind}})
}

// reply answers in JSON. The status is out before the body, whose failure can be told to nobody.
func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
