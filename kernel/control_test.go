package kernel_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// page is a page of a browser, or somebody who wants to seem one.
type page struct {
	*testing.T
	k *kerneltest.Kernel
}

// asks makes a request and returns its status, its body and the cookie that it sets.
func (p page) asks(method, path, body string, headers ...string) (status int, text, cookie string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, "http://127.0.0.1:18789/control/"+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	res, err := p.k.HTTP().Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if cookie = c.Name + "=" + c.Value; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/control/" {
			p.Errorf("the cookie is %s", c)
		}
	}
	if h := res.Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Cache-Control") != "no-store" {
		p.Errorf("%s %s: headers %v", method, path, h)
	}
	return res.StatusCode, string(b), cookie
}

// TestControl: what a page sees and does, by its session and by the gateway's secret.
func TestControl(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	l.Ask("r1", "hello")
	p, bearer := page{t, k}, "Bearer "+kerneltest.Token
	status, text, cookie := p.asks("POST", "session", "{}", "Authorization", bearer, "Origin", "http://127.0.0.1:18789")
	var session struct {
		Token            string
		ExpiresInSeconds int
	}
	if err := json.Unmarshal([]byte(text), &session); err != nil || status != 200 || cookie == "" || session.Token == "" || session.ExpiresInSeconds != 3600 {
		t.Fatalf("%d %s %q", status, text, cookie)
	}
	mine := []string{"Cookie", cookie, "X-CSRF-Token", session.Token}
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
		headers            []string
	}{
		{"GET", "status", "", 200, `"version"`, mine},
		{"GET", "status", "", 200, `"version"`, []string{"Cookie", cookie}},
		{"GET", "status", "", 200, `"version"`, []string{"Authorization", bearer}},
		{"GET", "health", "", 200, `"ok":true`, mine},
		{"GET", "doctor", "", 200, `"checks"`, mine},
		{"GET", "channels", "", 200, `"channels"`, mine},
		{"GET", "config", "", 200, `"hash"`, mine},
		{"GET", "sessions?limit=1&search=main", "", 200, `agent:main:main`, mine},
		{"GET", "sessions?limit=many", "", 400, "limit", mine},
		{"GET", "plugins", "", 200, `"echo"`, mine},
		{"GET", "plugins/echo", "", 200, `"echo"`, mine},
		{"GET", "plugins/none", "", 404, `"not_found"`, mine},
		{"GET", "tasks", "", 200, `"tasks"`, mine},
		{"GET", "tasks/none", "", 404, `"not_found"`, mine},
		{"GET", "mcp", "", 200, `"servers"`, mine},
		{"GET", "none", "", 404, "there is no /control/none", mine},
		{"PATCH", "config", `{"path":"log.level","value":"warn"}`, 200, `"restart"`, mine},
		{"PATCH", "config", `{"path":"log.level","value":"loud"}`, 400, `log.level`, mine},
		{"PATCH", "config", `{"path":"log.level","value":"warn","baseHash":"old"}`, 409, `"conflict"`, mine},
		{"PATCH", "config", `{"path":"mcp.servers.x","value":{"command":"sh"}}`, 403, "carapace config set", mine},
		{"PATCH", "config", `{"path":"","value":1}`, 400, "path names a setting", mine},
		{"POST", "sessions/agent:main:main/reset", `{}`, 200, `"key":"agent:main:main"`, mine},
		{"POST", "sessions/agent:main:none/compact", `{}`, 200, "not_found", mine},
		{"POST", "sessions/agent:main:none/archive", `{}`, 200, "not_found", mine},
		{"POST", "tasks/none/cancel", `{}`, 404, `not_found`, mine},
		{"POST", "plugins/none/rollback", `{}`, 404, "not_found", mine},
		{"POST", "status", `{}`, 405, "use GET here", mine},
	} {
		if status, text, _ := p.asks(c.method, c.path, c.body, c.headers...); status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s %s %s: %d %.300s, want %d %s", c.method, c.path, c.body, status, text, c.status, c.text)
		}
	}
	if status, text, _ := p.asks("DELETE", "session", "{}", mine...); status != 204 {
		t.Errorf("the end of the session: %d %s", status, text)
	}
	if status, text, _ := p.asks("GET", "status", "", mine...); status != 401 {
		t.Errorf("after the session: %d %s", status, text)
	}
}

// TestControlRefusals: no page of another site changes or reads anything with what the browser has.
func TestControlRefusals(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, `{"gateway":{"hosts":["chat.example.org"],"allowedOrigins":["https://app.example.org"]}}`))
	p, bearer := page{t, k}, "Bearer "+kerneltest.Token
	_, text, cookie := p.asks("POST", "session", "{}", "Authorization", bearer)
	var session struct{ Token string }
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		t.Fatal(text)
	}
	const level = `{"path":"log.level","value":"warn"}`
	mine := []string{"Cookie", cookie, "X-CSRF-Token", session.Token}
	with := func(headers ...string) []string { return append(headers, mine...) }
	for what, c := range map[string]struct {
		method, body string
		status       int
		headers      []string
	}{
		"the page itself":              {"PATCH", level, 200, with("Origin", "http://127.0.0.1:18789", "Sec-Fetch-Site", "same-origin")},
		"a page that is listed":        {"PATCH", level, 200, with("Origin", "https://app.example.org", "Sec-Fetch-Site", "cross-site")},
		"behind a proxy":               {"PATCH", level, 200, with("Host", "chat.example.org", "Origin", "https://chat.example.org")},
		"another origin":               {"PATCH", level, 403, with("Origin", "https://evil.example.org")},
		"another port":                 {"PATCH", level, 403, with("Origin", "http://127.0.0.1:8000")},
		"an origin that is none":       {"PATCH", level, 403, with("Origin", "null")},
		"an origin that begins alike":  {"PATCH", level, 403, with("Origin", "http://127.0.0.1:18789.evil.example.org")},
		"another origin that reads":    {"GET", "", 403, with("Origin", "https://evil.example.org")},
		"a name that was led here":     {"GET", "", 403, with("Host", "evil.example.org:18789")},
		"… with an origin of its name": {"PATCH", level, 403, with("Host", "evil.example.org:18789", "Origin", "http://evil.example.org:18789")},
		"a browser that says the site": {"GET", "", 403, with("Sec-Fetch-Site", "cross-site")},
		"no token":                     {"PATCH", level, 403, []string{"Cookie", cookie}},
		"a wrong token":                {"PATCH", level, 403, []string{"Cookie", cookie, "X-CSRF-Token", "x"}},
		"a form":                       {"PATCH", level, 415, with("Content-Type", "text/plain")},
		"a form with a token":          {"PATCH", "path=log.level", 415, []string{"Authorization", bearer, "Content-Type", "application/x-www-form-urlencoded"}},
		"no JSON":                      {"PATCH", "path=log.level", 400, mine},
		"a cookie that is none":        {"GET", "", 401, []string{"Cookie", "carapace_control=x"}},
		"a wrong secret":               {"GET", "", 401, []string{"Authorization", "Bearer x", "Cookie", cookie}},
		"nothing":                      {"GET", "", 401, nil},
		"a preflight":                  {"OPTIONS", "", 403, []string{"Origin", "https://evil.example.org", "Access-Control-Request-Method", "PATCH"}},
		"much":                         {"PATCH", `{"path":"log.level","value":"` + strings.Repeat("x", 1<<20) + `"}`, 413, mine},
	} {
		if status, text, _ := p.asks(c.method, "config", c.body, c.headers...); status != c.status {
			t.Errorf("%s: %d %.200s, want %d", what, status, text, c.status)
		}
	}
	refused := 0
	for range 120 {
		if status, _, _ := p.asks("PATCH", "config", level, "Content-Type", "application/json"); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("changes are not limited")
	}
}
