package host_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHTTP goes to a server that the owner configured, which only that permits.
func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.URL.Path+" "+strings.ToUpper(r.Header.Get("Authorization")))
	}))
	defer server.Close()
	w := newWorld()
	w.config["acc"] = `{"url":"` + server.URL + `/api"}`
	w.config["bare"] = `{}`
	w.config[""] = `{}`
	w.vault["p/acc/tok"], w.vault["p//tok"], w.vault["q//tok"] = "of-account", "of-plugin", "of-other"
	g := w.guest("p", everything())
	request := func(path string) string {
		b, _ := json.Marshal(map[string]any{"url": server.URL + path, "headers": []any{map[string]string{"name": "Authorization", "value": "{{credential:tok}}"}}})
		return string(b)
	}
	tests := []struct {
		name string
		call host.Call
		path string
		out  string
		want wit.Code
	}{
		{"account", host.Call{Export: "channel_send", Account: "acc"}, "/api/x", "/api/x OF-ACCOUNT", ""},
		{"outside the url", host.Call{Export: "channel_send", Account: "acc"}, "/x", "", wit.CodeForbidden},
		{"not configured", host.Call{Export: "channel_send", Account: "bare"}, "/api/x", "", wit.CodeForbidden},
		{"plugin", host.Call{Export: "tool_invoke"}, "/api/x", "", wit.CodeForbidden},
		{"pure event", host.Call{Export: "channel_event", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
		{"pure skip", host.Call{Export: "channel_skip", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
		{"pure chunk", host.Call{Export: "provider_chunk", Account: "acc"}, "/api/x", "", wit.CodeForbidden},
	}
	for _, tt := range tests {
		out, err := ask(g, tt.call, "http_request", request(tt.path))
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
		var res wit.HTTPResponse
		if err == nil && (wit.Unmarshal([]byte(out), &res) != nil || *res.Text != tt.out) {
			t.Errorf("%s: %s", tt.name, out)
		}
	}
	w.config[""] = `{"url":"` + strings.TrimPrefix(server.URL, "http://") + `"}`
	if _, err := ask(g, host.Call{Export: "tool_invoke"}, "http_request", request("/api/x")); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a bare host means https: %v", err)
	}
	w.config[""] = `{"url":"api.example.org"}`
	for _, account := range []string{"", "bare", "gone"} { // what an account has not, the plugin has
		w.dialed = nil
		_, err := ask(g, host.Call{Account: account}, "http_request", `{"url":"https://api.example.org/"}`)
		if wit.CodeOf(err) != wit.CodeUnavailable || len(w.dialed) != 1 {
			t.Errorf("a bare host is reached by https for %q: %v, %v", account, err, w.dialed)
		}
	}
	delete(w.vault, "p/acc/tok")
	if out, err := ask(g, tests[0].call, "http_request", request("/api/x")); err != nil || !strings.Contains(out, "OF-PLUGIN") {
		t.Errorf("falls back to the plugin's own: %s %v", out, err)
	}
	delete(w.vault, "p//tok")
	if _, err := ask(g, tests[0].call, "http_request", request("/api/x")); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("no credential: %v", err)
	}
	withMedia := everything()
	withMedia.Media = nil
	if _, err := ask(w.guest("p", withMedia), tests[0].call, "http_request", `{"url":"`+server.URL+`/api/x","method":"POST","parts":[{"media":"m1"}]}`); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("media without the permission: %v", err)
	}
	if _, err := ask(w.guest("p", withMedia), tests[0].call, "http_request", `{"url":"`+server.URL+`/api/x","method":"POST","text":"{{media:m1}}","embed":["m1"]}`); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a file embedded without the permission: %v", err)
	}
}

// TestHostsOfTheManifest are reached, with a file by who has that permission too, and others are not.
// TestListsOfHosts: a field may have a list of the owner's hosts.
func TestListsOfHosts(t *testing.T) {
	w, hits := newWorld(), 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	t.Cleanup(server.Close)
	w.config["acc"], w.config["other"], w.config["odd"] = `{"url":["","https://elsewhere.example","`+server.URL+`"]}`, `{"url":[]}`, `{"url":[1,"`+server.URL+`"]}`
	w.config[""] = `{}`
	g := w.guest("p", everything())
	for account, code := range map[string]wit.Code{"acc": "", "other": wit.CodeForbidden, "odd": wit.CodeForbidden} {
		if _, err := ask(g, host.Call{Account: account}, "http_request", `{"url":"`+server.URL+`/x"}`); wit.CodeOf(err) != code {
			t.Errorf("%s: %v", account, err)
		}
	}
	if hits != 1 {
		t.Errorf("%d requests were made", hits)
	}
}

func TestHostsOfTheManifest(t *testing.T) {
	w := newWorld()
	all := everything()
	all.HTTP.Hosts = []string{"api.example.org"}
	bare := all
	bare.Media = nil
	for name, tt := range map[string]struct {
		permissions wit.Permissions
		in          string
		want        wit.Code
	}{
		"permitted":           {bare, `{"url":"https://api.example.org/"}`, wit.CodeUnavailable}, // nobody answers there
		"not permitted":       {all, `{"url":"https://www.example.org/"}`, wit.CodeForbidden},
		"with a file":         {all, `{"url":"https://api.example.org/","method":"POST","parts":[{"name":"a","media":"m1"}]}`, wit.CodeUnavailable},
		"without its right":   {bare, `{"url":"https://api.example.org/","method":"POST","parts":[{"name":"a","media":"m1"}]}`, wit.CodeForbidden},
		"a part without file": {bare, `{"url":"https://api.example.org/","method":"POST","parts":[{"name":"a","text":"x"}]}`, wit.CodeUnavailable},
	} {
		if _, err := ask(w.guest("p", tt.permissions), host.Call{}, "http_request", tt.in); wit.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// TestTheKernelsRequests: what the kernel does for a plugin needs its permissions too.
func TestTheKernelsRequests(t *testing.T) {
	w := newWorld()
	withoutMedia := everything()
	withoutMedia.Media = nil
	for name, tt := range map[string]struct {
		permissions wit.Permissions
		req         wit.HTTPRequest
	}{
		"http":  {wit.Permissions{}, wit.HTTPRequest{URL: "https://api.example.org/"}},
		"media": {withoutMedia, wit.HTTPRequest{URL: "https://api.example.org/", Parts: []wit.HTTPPart{{Media: new("m1")}}}},
	} {
		g := w.guest("p", tt.permissions)
		_, err := g.HTTP.Do(t.Context(), "", &tt.req)
		_, streamed := g.HTTP.Stream(t.Context(), "", &tt.req, 0)
		for _, err := range []error{err, streamed} {
			if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "permission "+name) {
				t.Errorf("without %s: %v", name, err)
			}
		}
	}
}
