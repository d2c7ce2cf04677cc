package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/oauth/oauthtest"
	"github.com/carapace-gateway/carapace/wit"
)

// signedIn is a plugin with an access token for a server, which is at the URL of its account.
func signedIn(t *testing.T, s *oauthtest.Server) (w *world, g *host.Guest, url string) {
	t.Helper()
	s.Client, s.Secret = "me", "client-s3cret"
	mux := http.NewServeMux()
	mux.Handle("/", s)
	mux.HandleFunc("/socket", func(rw http.ResponseWriter, r *http.Request) {
		rec, hello := httptest.NewRecorder(), r.Clone(r.Context())
		hello.URL.Path = "/hello"
		if s.ServeHTTP(rec, hello); rec.Code != http.StatusOK {
			http.Error(rw, "no", rec.Code)
			return
		}
		if conn, err := websocket.Accept(rw, r, nil); err == nil {
			_, _, _ = conn.Read(r.Context())
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w = newWorld()
	w.config["acc"] = `{"url":"` + server.URL + `"}`
	w.vault["p/acc/refresh"], w.vault["p//secret"] = s.Login(), s.Secret
	p := everything()
	p.HTTP.Methods = []string{"GET", "POST"}
	p.Credential.Names = []string{"access", "refresh", "secret"}
	g = w.host.Guest(host.Plugin{ID: "p", Permissions: p, OAuth2: []wit.OAuth2Recipe{{Name: "access", TokenURL: server.URL + "/token", ClientID: "me", ClientSecret: new("secret"), RefreshToken: new("refresh")}},
		Config: func(account string) (wit.JSON, error) { return wit.JSON(w.config[account]), nil }})
	t.Cleanup(server.CloseClientConnections)
	return w, g, server.URL
}

func hello(url string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: url + "/hello", Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:access}}"}}}
}

// TestATokenIsRenewedOnceAfter401, for each way in which a request is made.
func TestATokenIsRenewedOnceAfter401(t *testing.T) {
	for name, request := range map[string]func(g *host.Guest, url string) (int, error){
		"as a whole": func(g *host.Guest, url string) (int, error) {
			res, err := g.HTTP.Do(context.Background(), "acc", hello(url))
			if err != nil {
				return 0, err
			}
			return int(res.Status), nil
		},
		"as it comes": func(g *host.Guest, url string) (int, error) {
			res, err := g.HTTP.Stream(context.Background(), "acc", hello(url), 0)
			if err != nil {
				return 0, err
			}
			return res.Status, res.Body.Close()
		},
		"as a connection": func(g *host.Guest, url string) (int, error) {
			conn, err := g.Connections.Open(context.Background(), "acc", g.Credentials.For(context.Background(), "acc"),
				&wit.OpenConnection{Connection: "c", URL: strings.Replace(url, "http", "ws", 1) + "/socket", Headers: hello(url).Headers})
			if wit.CodeOf(err) == wit.CodeUnauthorized {
				return 401, nil
			}
			if err != nil {
				return 0, err
			}
			return 200, conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &oauthtest.Server{Rotates: true, Life: time.Hour}
			_, g, url := signedIn(t, s)
			want := func(status, asked int) {
				t.Helper()
				if got, err := request(g, url); got != status || err != nil || s.Asked() != asked {
					t.Errorf("%d, %v after %d tokens, want %d after %d", got, err, s.Asked(), status, asked)
				}
			}
			want(200, 1)
			want(200, 1)
			s.Revoke()
			want(200, 2)
			s.Revoke()
			want(401, 2) // a server that takes no token is not asked for one without end
		})
	}
}

// TestTokensAreCredentials: a token can be had where what it is got by is there, it needs the permission, it signs nothing,
// and its requests need the permission too and follow no redirect.
func TestTokensAreCredentials(t *testing.T) {
	s := &oauthtest.Server{Life: time.Hour}
	w, g, url := signedIn(t, s)
	call := host.Call{Export: "channel_send", Account: "acc"}
	if out, err := ask(g, call, "credential_has", `{"name":"access"}`); out != `{"present":true}` || err != nil {
		t.Errorf("%s, %v", out, err)
	}
	if out, err := ask(g, host.Call{Export: "tool_invoke"}, "credential_has", `{"name":"access"}`); out != `{}` || err != nil {
		t.Errorf("without a refresh token: %s, %v", out, err)
	}
	if _, err := ask(g, call, "credential_sign", `{"key":"access","text":"x"}`); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a token signs: %v", err)
	}
	said, err := ask(g, call, "http_request", fmt.Sprintf(`{"url":%q,"method":"POST","headers":[{"name":"Authorization","value":"Bearer {{credential:access}}"}]}`, url+"/hello"))
	if err != nil || strings.Contains(said, "access-token") {
		t.Errorf("%s, %v", said, err)
	}
	bare := everything()
	bare.HTTP.Hosts, bare.Credential.Names = []string{"api.example.org"}, []string{"access"}
	lonely := w.host.Guest(host.Plugin{ID: "p", Permissions: bare, OAuth2: []wit.OAuth2Recipe{{Name: "access", TokenURL: url + "/token", ClientID: "me", RefreshToken: new("refresh")}},
		Config: func(string) (wit.JSON, error) { return wit.JSON(`{}`), nil }})
	if _, err := lonely.Credentials.For(t.Context(), "acc")("access"); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a token endpoint that is not permitted: %v", err)
	}
	bare.Credential.Names = []string{"tok"}
	if _, err := w.guest("p", bare).Credentials.For(t.Context(), "acc")("access"); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without the permission: %v", err)
	}
	for _, name := range []string{"p/acc/access", "p/acc/access.state"} {
		delete(w.vault, name)
	}
	before := s.Asked()
	s.Answer = func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/token", http.StatusTemporaryRedirect)
	}
	if _, err := g.Credentials.For(t.Context(), "acc")("access"); wit.CodeOf(err) != wit.CodeInvalid || s.Asked() != before+1 {
		t.Errorf("a redirect is followed: %v", err)
	}
	if text := w.log.String(); strings.Contains(text, "-token-0") || strings.Contains(text, s.Secret) {
		t.Errorf("the log has secrets: %s", text)
	}
	w.host.Close()
}

// TestSettings: what the owner has set counts, else the field's default, which widens nothing that the plugin may reach.
func TestSettings(t *testing.T) {
	w := newWorld()
	w.config["acc"] = `{"a":"mine","n":1}`
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	p := everything()
	p.HTTP.Hosts = []string{"config:url"}
	filled := `{"a":"mine","b":"theirs","n":1,"url":"` + server.URL + `"}`
	g := w.host.Guest(host.Plugin{ID: "p", Permissions: p, Config: func(account string) (wit.JSON, error) { return wit.JSON(w.config[account]), nil },
		Filled: func(string) (wit.JSON, error) { return wit.JSON(filled), nil },
		Schema: wit.JSON(`{"properties":{"a":{"default":"ours"},"b":{"default":"theirs"},"n":{"default":7},"url":{"default":"` + server.URL + `"}}}`)})
	for field, want := range map[string]string{"a": "mine", "b": "theirs", "n": "", "none": "", "url": server.URL} {
		if got := g.Setting("acc", field); got != want {
			t.Errorf("%s is %q, not %q", field, got, want)
		}
	}
	w.config["other"] = `{"a":"x/y","url":"` + server.URL + `/{a}/{b}"}`
	if res, err := g.HTTP.Do(t.Context(), "other", &wit.HTTPRequest{URL: server.URL + "/x%2Fy/theirs/below"}); err != nil || res.Status != 404 {
		t.Errorf("an address with settings in it is not reached: %+v %v", res, err)
	}
	if res, err := g.HTTP.Do(t.Context(), "acc", &wit.HTTPRequest{URL: server.URL}); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a default that nobody has set is reached: %+v %v", res, err)
	}
	if got, err := ask(g, host.Call{}, "config_get", `{"account":"acc"}`); err != nil || got != `{"value":`+filled+`}` {
		t.Errorf("the guest gets %s, %v", got, err)
	}
}

// TestATokenThatAGuestSaysIsRefused: as one over a connection is, of which the kernel does not know what a server says.
func TestATokenThatAGuestSaysIsRefused(t *testing.T) {
	server := &oauthtest.Server{Rotates: true}
	_, g, _ := signedIn(t, server)
	ctx := context.Background()
	fill := g.Credentials.For(ctx, "acc")
	first, err := fill("access")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string) (bool, error) {
		r, err := g.Credentials.Refused(ctx, &wit.CredentialQuery{Name: name, Account: new("acc")})
		return r != nil && r.Again, err
	}
	if again, err := refused("access"); !again || err != nil {
		t.Errorf("%t, %v", again, err)
	}
	if second, err := fill("access"); second == first || err != nil || server.Asked() != 2 {
		t.Errorf("%t, %v, asked %d times", second == first, err, server.Asked())
	}
	for name, code := range map[string]wit.Code{"access": "", "secret": "", "another": wit.CodeForbidden} {
		if again, err := refused(name); again || wit.CodeOf(err) != code {
			t.Errorf("%s: %t, %v", name, again, err)
		}
	}
}
