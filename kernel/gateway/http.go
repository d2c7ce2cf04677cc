package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxBody bounds a request's body where its route says nothing else.
const maxBody = 1 << 20

// bodyTime is how long a client may take to send a request.
const bodyTime = time.Minute

func (g *Gateway) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(g.guard)
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
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
		r.Get(path, g.serveHealth)
		r.Head(path, g.serveHealth)
	}
	for _, path := range []string{"/ready", "/readyz"} {
		r.Get(path, g.serveReady)
	}
	metrics := promhttp.HandlerFor(g.deps.Registry, promhttp.HandlerOpts{})
	r.Get("/metrics", func(w http.ResponseWriter, q *http.Request) {
		if _, err := g.deps.Auth.HTTP(q); err != nil && !auth.Local(q) {
			unauthorized(w, err)
			return
		}
		metrics.ServeHTTP(w, q)
	})
	r.Get("/ws", func(w http.ResponseWriter, q *http.Request) { g.upgrade(w, q) })
	for _, route := range g.deps.Routes {
		mount(r, route)
	}
	return r
}

func mount(r chi.Router, route Route) {
	limit := route.MaxBody
	if limit == 0 {
		limit = maxBody
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		q.Body = http.MaxBytesReader(w, q.Body, limit)
		route.Handler.ServeHTTP(w, q)
	})
	if len(route.Methods) == 0 {
		r.Handle(route.Pattern, h)
	}
	for _, m := range route.Methods {
		r.Method(m, route.Pattern, h)
	}
}

// guard sets the headers of every answer, sends upgrades of / to the WebSocket, and keeps a handler's
// panic to itself.
func (g *Gateway) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			g.upgrade(w, r)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				g.log.Error("HTTP handler panicked", "path", r.URL.Path, "panic", p)
				problem(w, http.StatusInternalServerError, "internal error", "internal")
			}
		}()
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // not every writer can
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Gateway) serveHealth(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"status": "ok", "version": g.deps.Version, "uptimeSeconds": int64(time.Since(g.started).Seconds())})
}

func (g *Gateway) serveReady(w http.ResponseWriter, r *http.Request) {
	var err error
	switch {
	case g.stopping.Load():
		err = wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
	case g.deps.Ready != nil:
		err = g.deps.Ready(r.Context())
	}
	if err != nil {
		g.log.Debug("not ready", "reason", err)
		w.Header().Set("Retry-After", "5")
		reply(w, http.StatusServiceUnavailable, map[string]any{"status": "not_ready", "version": g.deps.Version})
		return
	}
	reply(w, http.StatusOK, map[string]any{"status": "ready", "version": g.deps.Version})
}

func unauthorized(w http.ResponseWriter, err error) {
	if wit.CodeOf(err) == wit.CodeRateLimited {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusTooManyRequests, "too many failed logins", "rate_limit_error")
		return
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	problem(w, http.StatusUnauthorized, "Unauthorized", "unauthorized")
}

// problem answers with an error object of the shape that clients of chat APIs read.
func problem(w http.ResponseWriter, status int, message, kind string) {
	reply(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind}})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
