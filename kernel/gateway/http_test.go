package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

func (r *rig) get(method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, path, nil)
	q.RemoteAddr, q.Host = "127.0.0.1:50000", "localhost:18789"
	if change != nil {
		change(q)
	}
	w := httptest.NewRecorder()
	r.gw.Handler().ServeHTTP(w, q)
	return w
}

func TestHTTP(t *testing.T) {
	ready := error(nil)
	r := boot(t, func(_ *authDeps, g *gateway.Deps) {
		g.Ready = func(context.Context) error { return ready }
		g.Channels = func() any { return []string{"chat/main is down"} }
		g.Routes = []gateway.Route{
			{Pattern: "/plugins/{id}/*", MaxBody: 8, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				var tooBig *http.MaxBytesError
				if errors.As(err, &tooBig) {
					w.WriteHeader(http.StatusRequestEntityTooLarge)
				}
				_, _ = w.Write(b)
			})},
			{Pattern: "/usual", Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if _, err := io.Copy(io.Discard, q.Body); err != nil {
					w.WriteHeader(http.StatusRequestEntityTooLarge)
				}
			})},
			{Pattern: "/boom", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") })},
		}
	})
	remote := func(q *http.Request) { q.RemoteAddr, q.Host = "203.0.113.9:1", "gw.example.org" }
	const unauthorized = `{"error":{"message":"Unauthorized","type":"unauthorized"}}`
	browser := func(q *http.Request) { q.Header.Set("Accept", "text/html,*/*") }
	sends := func(bytes int) func(*http.Request) {
		return func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", bytes))) }
	}
	tests := []struct {
		name, method, path string
		change             func(*http.Request)
		status             int
		body               string
	}{
		{"upgrade of what is no door", "GET", "/nope", func(q *http.Request) { q.Header.Set("Upgrade", "websocket") }, 404, "not found"},
		{"root in a browser", "GET", "/", browser, 200, "It is up and ready"},
		{"another page in a browser", "GET", "/nope", browser, 404, "not found"},
		{"head of health", "HEAD", "/health", remote, 200, ""},
		{"the usual limit of a body", "POST", "/usual", sends(1 << 20), 200, ""},
		{"beyond it", "POST", "/usual", sends(1<<20 + 1), 413, ""},
		{"health", "GET", "/health", remote, 200, `"status":"ok"`},
		{"healthz", "GET", "/healthz", remote, 200, `"status":"ok"`},
		{"ready", "GET", "/ready", remote, 200, `"status":"ready"`},
		{"ready here", "GET", "/ready", nil, 200, `"channels":["chat/main is down"],"status":"ready"`},
		{"ready with the token", "GET", "/ready", func(q *http.Request) { remote(q); q.Header.Set("Authorization", "Bearer "+token) }, 200, "chat/main is down"},
		{"ready with a wrong token", "GET", "/ready", func(q *http.Request) { remote(q); q.Header.Set("Authorization", "Bearer x") }, 401, unauthorized},
		{"metrics here", "GET", "/metrics", nil, 200, "carapace_ws_connections 0"},
		{"metrics from elsewhere", "GET", "/metrics", remote, 401, unauthorized},
		{"metrics by a name given to this machine", "GET", "/metrics", func(q *http.Request) { q.Host = "evil.example.org" }, 401, unauthorized},
		{"metrics through a proxy", "GET", "/metrics", func(q *http.Request) { q.Header.Set("X-Forwarded-For", "203.0.113.9") }, 401, unauthorized},
		{"metrics with a wrong token", "GET", "/metrics", func(q *http.Request) { remote(q); q.Header.Set("Authorization", "Bearer x") }, 401, unauthorized},
		{"metrics with the token", "GET", "/metrics", func(q *http.Request) { remote(q); q.Header.Set("Authorization", "Bearer "+token) }, 200, "carapace_build_info"},
		{"unknown", "GET", "/nope", nil, 404, `{"error":{"message":"not found","type":"not_found"}}`},
		{"root without upgrade", "GET", "/", nil, 404, "not found"},
		{"wrong method", "POST", "/health", nil, 405, `{"error":{"message":"method not allowed","type":"invalid_request_error"}}`},
		{"ws without upgrade", "GET", "/ws", nil, 426, ""},
		{"route", "POST", "/plugins/x/hook", func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader("12345678")) }, 200, "12345678"},
		{"route's body limit", "POST", "/plugins/x/hook", func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader("123456789")) }, 413, ""},
		{"panic", "GET", "/boom", nil, 500, `{"error":{"message":"internal error","type":"internal"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := r.get(tt.method, tt.path, tt.change)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			for h, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
				if got := w.Header().Get(h); got != want {
					t.Errorf("%s = %q", h, got)
				}
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src '") { // a page has its own
				t.Errorf("Content-Security-Policy = %q", policy)
			}
			if strings.HasPrefix(tt.body, "{") && w.Header().Get("Content-Type") != "application/json" || tt.status == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("headers %v", w.Header())
			}
			if tt.status == 405 && w.Header().Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
	if w := r.get("GET", "/ready", remote); strings.Contains(w.Body.String(), "chat") {
		t.Errorf("strangers are told of channels: %s", w.Body)
	}
	ready = errors.New("a secret reason")
	if w := r.get("GET", "/ready", remote); w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("not ready: %d %s", w.Code, w.Body)
	}
	if w := r.get("GET", "/", browser); w.Code != 503 || !strings.Contains(w.Body.String(), "It is not ready") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("not ready, in a browser: %d %s", w.Code, w.Body)
	}
}

// TestHTTPGuessing: every HTTP door tells who fails too often to stay away, and lets in who is right.
func TestHTTPGuessing(t *testing.T) {
	webhook := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-Secret") != "right" {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "in")
	})
	for path, header := range map[string][2]string{"/metrics": {"Authorization", "Bearer " + token}, "/ready": {"Authorization", "Bearer " + token}, "/plugins/x/y": {"X-Secret", "right"}} {
		t.Run(path, func(t *testing.T) {
			r := boot(t, func(_ *authDeps, g *gateway.Deps) {
				g.Routes = []gateway.Route{{Pattern: "/plugins/{id}/*", Handler: webhook}}
			})
			try := func(value string) *httptest.ResponseRecorder {
				return r.get("GET", path, func(q *http.Request) {
					q.RemoteAddr, q.Host = "203.0.113.9:1", "gw.example.org"
					q.Header.Set(header[0], value)
				})
			}
			for range 6 {
				if w := try("Bearer guess"); w.Code != http.StatusUnauthorized {
					t.Fatalf("a guess: %d", w.Code)
				}
			}
			w := try("Bearer guess")
			const body = `{"error":{"message":"too many failed logins: wait and try again","type":"rate_limit_error"}}` + "\n"
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || w.Body.String() != body || w.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("the seventh: %d %v %s", w.Code, w.Header(), w.Body)
			}
			if w := try(header[1]); w.Code != http.StatusOK {
				t.Errorf("the right one: %d %s", w.Code, w.Body)
			}
		})
	}
	// Asking without a secret is no guess.
	r := boot(t)
	for range 50 {
		if w := r.get("GET", "/metrics", func(q *http.Request) { q.RemoteAddr = "203.0.113.9:1" }); w.Code != http.StatusUnauthorized {
			t.Fatalf("without a secret: %d", w.Code)
		}
	}
}

// What /metrics shows is counted.
func TestMetricsCount(t *testing.T) {
	r := boot(t)
	c := r.connect(client.Options{})
	for range 3 {
		if err := c.Call(t.Context(), "health", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Call(t.Context(), "nope.one", nil, nil)
	_ = c.Call(t.Context(), "nope.two", nil, nil)
	_, _ = r.dial(client.Options{Token: "wrong"})
	body := r.get("GET", "/metrics", nil).Body.String()
	for _, want := range []string{
		`carapace_requests_total{method="health",outcome="ok"} 3`, `carapace_requests_total{method="other",outcome="invalid"} 2`,
		`carapace_request_seconds_count 5`, "carapace_ws_connections 1", "carapace_ws_refused_total 1",
		`carapace_build_info{version="test"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	for _, not := range []string{"carapace_ws_received_bytes_total 0\n", "carapace_ws_sent_bytes_total 0\n", "nope"} {
		if strings.Contains(body, not) {
			t.Errorf("%s in\n%s", not, body)
		}
	}
}

// TestBodiesShareMemory: while a body has taken what all may hold, another long one is told when to come back, whatever its route
// answers; what is short, or is not kept in memory, gets through.
func TestBodiesShareMemory(t *testing.T) {
	const most, long, short = 512 << 10, 400 << 10, 10 << 10
	arrived, release := make(chan struct{}), make(chan struct{})
	read := func(w http.ResponseWriter, q *http.Request) (ok bool) {
		_, err := io.Copy(io.Discard, q.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "what is that")
		}
		return err == nil
	}
	r := boot(t, func(_ *authDeps, g *gateway.Deps) {
		g.Limits.Memory = most
		g.Routes = []gateway.Route{
			{Pattern: "/held", Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if read(w, q) {
					close(arrived)
					<-release
				}
			})},
			{Pattern: "/read", Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { read(w, q) })},
			{Pattern: "/streamed", Streams: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { read(w, q) })},
		}
	})
	post := func(path string, bytes int) *httptest.ResponseRecorder {
		return r.get("POST", path, func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", bytes))) })
	}
	held := make(chan *httptest.ResponseRecorder)
	go func() { held <- post("/held", long) }()
	<-arrived
	got := post("/read", long)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") != "1" || !strings.Contains(got.Body.String(), "send it again") {
		t.Errorf("a second long one: %d, Retry-After %q, %s", got.Code, got.Header().Get("Retry-After"), got.Body)
	}
	for path, bytes := range map[string]int{"/read": short, "/streamed": long} {
		if got := post(path, bytes); got.Code != http.StatusOK {
			t.Errorf("%d bytes to %s: %d, %s", bytes, path, got.Code, got.Body)
		}
	}
	close(release)
	if got := <-held; got.Code != http.StatusOK {
		t.Errorf("the first one: %d", got.Code)
	}
	if got := post("/read", long); got.Code != http.StatusOK {
		t.Errorf("a long one later: %d, %s", got.Code, got.Body)
	}
	if metrics := r.get("GET", "/metrics", nil).Body.String(); !strings.Contains(metrics, "carapace_ws_memory_bytes 0\n") {
		t.Error("memory is held for nobody")
	}
}
