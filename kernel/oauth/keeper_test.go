package oauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/oauth"
	"github.com/carapace-gateway/carapace/kernel/oauth/oauthtest"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// disk is a store that can be full, or end with a kill.
type disk struct {
	store.Store
	mu   sync.Mutex
	full error
}

func (d *disk) fail(err error) { d.mu.Lock(); d.full = err; d.mu.Unlock() }

func (d *disk) Update(ctx context.Context, fn func(store.Tx) error) error {
	d.mu.Lock()
	err := d.full
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.Store.Update(ctx, fn)
}

// world is a gateway's part in it, before and after a kill, and a server.
type world struct {
	t      *testing.T
	server *oauthtest.Server
	disk   *disk
	dir    string
	vault  *secret.Vault
	keeper *oauth.Keeper
	log    bytes.Buffer
	config map[string]string
	away   error // what requests fail with
}

func newWorld(t *testing.T, s *oauthtest.Server) *world {
	t.Helper()
	s.Client, s.Secret = "client:1", "c/lient s3cret"
	w := &world{t: t, server: s, disk: &disk{Store: store.OpenMemory()}, dir: t.TempDir(), config: map[string]string{"url": "https://server.example/token"}}
	w.start()
	w.set("", "secret", s.Secret)
	return w
}

// start is the gateway's start, on what is written down.
func (w *world) start() {
	w.t.Helper()
	w.disk.fail(nil)
	var err error
	if w.vault, err = secret.Open(w.t.Context(), secret.Config{Store: w.disk, StateDir: w.dir}); err != nil {
		w.t.Fatal(err)
	}
	w.keeper = oauth.New(w.vault, hclog.New(&hclog.LoggerOptions{Output: &w.log, Level: hclog.Trace}))
}

func (w *world) set(account, name, value string) {
	w.t.Helper()
	if err := w.vault.Put(w.t.Context(), "mail", account, name, value); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	if w.away != nil {
		return nil, w.away
	}
	req := httptest.NewRequest(r.Method, r.URL, strings.NewReader(*r.Text)).WithContext(ctx)
	for _, h := range r.Headers {
		req.Header.Set(h.Name, h.Value)
	}
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, req)
	res := &wit.HTTPResponse{Status: uint16(rec.Code), Text: new(rec.Body.String())}
	for name := range rec.Header() {
		res.Headers = append(res.Headers, wit.Header{Name: name, Value: rec.Header().Get(name)})
	}
	return res, nil
}

func (w *world) client(account string, r *wit.OAuth2Recipe) oauth.Client {
	return oauth.Client{Owner: "mail", Account: account, Recipe: r, Setting: func(field string) string { return w.config[field] }, Do: w.do}
}

// good gets a token that the server takes.
func (w *world) good(c oauth.Client) string {
	w.t.Helper()
	token, err := w.keeper.Token(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.takes(token) {
		w.t.Fatalf("the server does not take %s", token)
	}
	return token
}

func (w *world) takes(token string) bool {
	req := httptest.NewRequest("GET", "https://server.example/hello", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, req)
	return rec.Code == http.StatusOK
}

// fails gets an error, which says nothing that it may not.
func (w *world) fails(c oauth.Client, code wit.Code, says string) {
	w.t.Helper()
	token, err := w.keeper.Token(w.t.Context(), c)
	if wit.CodeOf(err) != code || !strings.Contains(err.Error(), says) || wit.AsError(err).Retryable != code.Transient() {
		w.t.Errorf("%q, %v; want %s, %q", token, err, code, says)
	}
	w.quiet(fmt.Sprint(err))
}

// quiet checks a text, and the log.
func (w *world) quiet(text string) {
	w.t.Helper()
	for _, word := range append(oauthtest.Secrets(), w.server.Secret) {
		if strings.Contains(text, word) || strings.Contains(w.log.String(), word) {
			w.t.Errorf("%q stands in %q or in the log: %s", word, text, w.log.String())
		}
	}
}

func (w *world) asked(want int) {
	w.t.Helper()
	if got := w.server.Asked(); got != want {
		w.t.Errorf("the server was asked %d times, want %d", got, want)
	}
}

func refresh() *wit.OAuth2Recipe {
	return &wit.OAuth2Recipe{Name: "access", TokenURL: "config:url", ClientID: "client:1", ClientSecret: new("secret"), RefreshToken: new("refresh")}
}

// TestATokenIsKeptAndRenewed before it ends, by whichever refresh token the server gave last, also after a restart.
func TestATokenIsKeptAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &oauthtest.Server{Life: time.Hour, Rotates: true})
		c := w.client("home", refresh())
		w.fails(c, wit.CodeUnauthorized, "the credential refresh of mail")
		w.set("home", "refresh", w.server.Login())
		first := w.good(c)
		time.Sleep(59*time.Minute - time.Second)
		if w.good(c) != first {
			t.Error("renewed too early")
		}
		w.asked(1)
		time.Sleep(time.Second)
		for i := range 50 { // a year's worth in the end
			if i%5 == 0 {
				w.start()
			}
			if next := w.good(c); next == first {
				t.Fatal("not renewed")
			}
			time.Sleep(59 * time.Minute)
		}
		w.asked(51)
		w.quiet("")
	})
}

// TestOneRenewalAtATime, whoever asks, and it does not end with who does.
func TestOneRenewalAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		w := newWorld(t, &oauthtest.Server{Life: time.Hour, Rotates: true, Issued: func() { <-answer }})
		w.set("home", "refresh", w.server.Login())
		c := w.client("home", refresh())
		ctx, cancel := context.WithCancel(t.Context())
		impatient := make(chan error)
		go func() { _, err := w.keeper.Token(ctx, c); impatient <- err }()
		synctest.Wait()
		tokens := make(chan string)
		for range 50 {
			go func() {
				token, err := w.keeper.Token(t.Context(), c)
				if err != nil {
					t.Error(err)
				}
				tokens <- token
			}()
		}
		synctest.Wait()
		cancel()
		if err := <-impatient; wit.CodeOf(err) != wit.CodeTimeout {
			t.Error(err)
		}
		close(answer)
		first := <-tokens
		for range 49 {
			if next := <-tokens; next != first {
				t.Errorf("%s and %s", first, next)
			}
		}
		w.asked(1)
		w.good(c)
		// One that nobody waits for is kept all the same.
		time.Sleep(2 * time.Hour)
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := w.keeper.Token(ctx, c); err == nil {
			t.Error("it waits for a renewal")
		}
		w.keeper.Close()
		w.good(c)
		w.asked(2)
	})
}

// TestKills: between the server's answer and the writing, and between the writing and the use.
func TestKills(t *testing.T) {
	for name, c := range map[string]struct {
		grace, written bool
		want           wit.Code
	}{
		"before the writing":                       {grace: true},
		"before the writing, with a strict server": {want: wit.CodeUnauthorized},
		"after the writing":                        {grace: true, written: true},
		"after the writing, with a strict server":  {written: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &oauthtest.Server{Life: time.Hour, Rotates: true, Grace: c.grace}
				w := newWorld(t, s)
				w.set("", "refresh", s.Login())
				client := w.client("home", refresh())
				w.good(client)
				time.Sleep(time.Hour)
				if c.written {
					if _, err := w.keeper.Token(t.Context(), client); err != nil { // and nobody uses it
						t.Fatal(err)
					}
				} else {
					s.Issued = func() { w.disk.fail(wit.NewError(wit.CodeUnavailable, "killed")) }
					w.fails(client, wit.CodeUnavailable, "cannot be kept, and is not used before it is")
					s.Issued = nil
				}
				before := s.Asked()
				w.start()
				if c.want != "" {
					w.fails(client, c.want, "invalid_grant")
					w.fails(client, c.want, "`carapace setup mail` asks for them")
					w.asked(before + 1) // and not again and again
					w.set("", "refresh", s.Login())
				}
				w.good(client)
				time.Sleep(time.Hour)
				w.good(client)
				w.quiet("")
			})
		})
	}
}

// TestADiskThatIsFullForAWhile: what the server has given is not used and not lost.
func TestADiskThatIsFullForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &oauthtest.Server{Life: time.Hour, Rotates: true}
		w := newWorld(t, s)
		w.set("", "refresh", s.Login())
		c := w.client("", refresh())
		w.disk.fail(wit.NewError(wit.CodeUnavailable, "the disk is full"))
		for range 3 {
			w.fails(c, wit.CodeUnavailable, "the disk is full")
			time.Sleep(10 * time.Second)
		}
		w.disk.fail(nil)
		w.good(c)
		w.asked(1)
		w.start()
		time.Sleep(time.Hour)
		w.good(c)
		w.asked(2)
	})
}

// TestAServerThatIsAway does no harm before the token has ended, and is not asked without end.
func TestAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &oauthtest.Server{Life: time.Hour})
		w.set("", "refresh", w.server.Login())
		c := w.client("", refresh())
		first := w.good(c)
		time.Sleep(59*time.Minute + 30*time.Second)
		w.server.Answer = func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, "words that hold a secret", http.StatusBadGateway)
		}
		for range 3 {
			if w.good(c) != first {
				t.Error("another token")
			}
		}
		w.asked(2)
		time.Sleep(time.Minute)
		w.fails(c, wit.CodeUnavailable, "the server answers 502")
		w.fails(c, wit.CodeUnavailable, "the server answers 502")
		w.asked(3)
		w.server.Answer = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "120")
			http.Error(rw, "slower", http.StatusTooManyRequests)
		}
		time.Sleep(10 * time.Second)
		w.fails(c, wit.CodeUnavailable, "429")
		w.server.Answer = nil
		time.Sleep(2*time.Minute - time.Second)
		w.fails(c, wit.CodeUnavailable, "429")
		time.Sleep(time.Second)
		w.good(c)
		w.away = wit.NewError(wit.CodeTimeout, "http: it did not answer in time")
		time.Sleep(time.Hour)
		w.fails(c, wit.CodeTimeout, "did not answer in time")
		w.away = wit.NewError(wit.CodeForbidden, "http: host server.example is not permitted")
		time.Sleep(10 * time.Second)
		w.fails(c, wit.CodeForbidden, "is not permitted")
	})
}

// TestATokenThatIsRefused is renewed, and not without end where the server refuses the next one too.
func TestATokenThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &oauthtest.Server{Rotates: true})
		w.set("home", "refresh", w.server.Login())
		c := w.client("home", refresh())
		first := w.good(c)
		time.Sleep(1000 * time.Hour)
		if w.good(c) != first { // the server says nothing of its end
			t.Error("renewed")
		}
		w.server.Revoke()
		for range 3 { // of three requests that had it
			if !w.keeper.Refused(t.Context(), c, first) {
				t.Error("it is not worth another attempt")
			}
		}
		second := w.good(c)
		if !w.keeper.Refused(t.Context(), c, first) { // a late one
			t.Error("it is not worth another attempt")
		}
		if w.good(c) != second {
			t.Error("renewed twice")
		}
		w.asked(2)
		w.server.Revoke()
		if w.keeper.Refused(t.Context(), c, second) {
			t.Error("renewed without end")
		}
		time.Sleep(30 * time.Second)
		if !w.keeper.Refused(t.Context(), c, second) {
			t.Error("never renewed again")
		}
		w.good(c)
		w.asked(3)
	})
}

// TestWhoseTokenItIs: accounts with a refresh token of their own have a token of their own; those that share one share
// what replaces it.
func TestWhoseTokenItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &oauthtest.Server{Life: time.Hour, Rotates: true})
		w.set("", "refresh", w.server.Login())
		a, b := w.client("a", refresh()), w.client("b", refresh())
		if w.good(a) != w.good(b) {
			t.Error("they have two tokens")
		}
		time.Sleep(time.Hour)
		w.good(b)
		w.good(a)
		w.asked(2)
		before := w.good(a)
		w.set("a", "refresh", w.server.Login())
		if w.good(a) == before {
			t.Error("a login of its own is not used")
		}
		changed := refresh()
		changed.Scopes = []string{"more"}
		if w.good(w.client("a", changed)) == w.good(a) {
			t.Error("another recipe has the same token")
		}
		// By settings of the accounts there are tokens of the accounts.
		shared := &wit.OAuth2Recipe{Name: "app", Grant: wit.OAuth2GrantClientCredentials, TokenURL: "https://server.example/token", ClientID: "client:1", ClientSecret: new("secret")}
		if w.good(w.client("a", shared)) != w.good(w.client("b", shared)) {
			t.Error("they have two tokens")
		}
		w.set("b", "secret", w.server.Secret)
		if w.good(w.client("a", shared)) == w.good(w.client("b", shared)) {
			t.Error("an account with a secret of its own has another's token")
		}
		own := *shared
		own.TokenURL = "config:url"
		if w.good(w.client("a", &own)) == w.good(w.client("b", &own)) {
			t.Error("they share a token")
		}
		own.TokenURL, w.config["endpoint"] = "https://server.example/{endpoint}", "token"
		if w.good(w.client("a", &own)) == w.good(w.client("b", &own)) {
			t.Error("they share a token by an address with a setting")
		}
		delete(w.config, "endpoint")
		w.fails(w.client("a", &own), wit.CodeUnauthorized, "the setting endpoint")
		own.TokenURL = "config:url"
		delete(w.config, "url")
		w.fails(w.client("a", &own), wit.CodeUnauthorized, "the setting url")
	})
}

// TestGrants: a client's secret in both ways, and its private key.
func TestGrants(t *testing.T) {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsaDER, err3 := x509.MarshalPKCS8PrivateKey(rsaKey)
	ecDER, err4 := x509.MarshalPKCS8PrivateKey(ecKey)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	key := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	const at = "https://server.example/token"
	for name, c := range map[string]struct {
		recipe wit.OAuth2Recipe
		secret string
		want   wit.Code
	}{
		"basic":       {wit.OAuth2Recipe{Grant: wit.OAuth2GrantClientCredentials, ClientID: "client:1", ClientSecret: new("secret")}, "", ""},
		"in the body": {wit.OAuth2Recipe{Grant: wit.OAuth2GrantClientCredentials, ClientID: "client:1", ClientSecret: new("secret"), ClientAuth: wit.ClientAuthBody, Scopes: []string{"a", "b"}}, "", ""},
		"another one": {wit.OAuth2Recipe{Grant: wit.OAuth2GrantClientCredentials, ClientID: "other", ClientSecret: new("secret")}, "", wit.CodeUnauthorized},
		"RS256":       {wit.OAuth2Recipe{Grant: wit.OAuth2GrantJWTBearer, Issuer: "rsa@server.example", Key: new("key"), KeyID: "1"}, key(rsaDER), ""},
		"ES256":       {wit.OAuth2Recipe{Grant: wit.OAuth2GrantJWTBearer, ClientID: "ec@server.example", Key: new("key"), Algorithm: wit.TokenAlgorithmES256}, key(ecDER), ""},
		"for another": {wit.OAuth2Recipe{Grant: wit.OAuth2GrantJWTBearer, Issuer: "rsa@server.example", Key: new("key"), Audience: "https://other.example/"}, key(rsaDER), wit.CodeUnauthorized},
		"another's":   {wit.OAuth2Recipe{Grant: wit.OAuth2GrantJWTBearer, Issuer: "rsa@server.example", Key: new("key"), Algorithm: wit.TokenAlgorithmES256}, key(ecDER), wit.CodeUnauthorized},
		"a bad key":   {wit.OAuth2Recipe{Grant: wit.OAuth2GrantJWTBearer, Issuer: "rsa@server.example", Key: new("key")}, "hunter2 hunter2", wit.CodeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &oauthtest.Server{Life: time.Hour, Audience: at, Keys: map[string]any{"rsa@server.example": &rsaKey.PublicKey, "ec@server.example": &ecKey.PublicKey}})
			if c.secret != "" {
				w.set("", "key", c.secret)
			}
			c.recipe.Name, c.recipe.TokenURL = "access", at
			if c.want != "" {
				w.fails(w.client("", &c.recipe), c.want, "access")
				return
			}
			w.good(w.client("", &c.recipe))
			if way := map[wit.ClientAuth]string{"": "basic", wit.ClientAuthBody: "body"}[c.recipe.ClientAuth]; c.recipe.Key == nil && w.server.Way() != way {
				t.Errorf("the secret was shown by %s, want %s", w.server.Way(), way)
			}
		})
	}
}

// TestHostileAnswers are no tokens, or tokens with an end that can be.
func TestHostileAnswers(t *testing.T) {
	for body, want := range map[string]wit.Code{
		``: wit.CodeUnavailable, `<html>`: wit.CodeUnavailable, `[]`: wit.CodeUnavailable, `{"access_token":""}`: wit.CodeUnavailable,
		`{"access_token":"a\nb"}`: wit.CodeUnavailable, `{"access_token":7}`: wit.CodeUnavailable, `{"access_token":"ü"}`: wit.CodeUnavailable,
		`{"access_token":"ok","refresh_token":"a\r\nX: y"}`:                wit.CodeUnavailable,
		`{"access_token":"` + strings.Repeat("a", 33<<10) + `"}`:           wit.CodeUnavailable,
		`{"access_token":"ok","x":"` + strings.Repeat("a", 300<<10) + `"}`: wit.CodeUnavailable,
		`{"access_token":"ok"}`:                                            "", `{"access_token":"ok","expires_in":"60"}`: "", `{"access_token":"ok","expires_in":-5}`: "",
		`{"access_token":"ok","expires_in":1e308}`: "", `{"access_token":"ok","expires_in":null}`: "", `{"access_token":"ok","expires_in":{}}`: "",
	} {
		w := newWorld(t, &oauthtest.Server{Answer: func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, body) }})
		w.set("", "refresh", "r")
		if token, err := w.keeper.Token(t.Context(), w.client("", refresh())); wit.CodeOf(err) != want || err == nil && token != "ok" {
			t.Errorf("%.60s: %q, %v", body, token, err)
		}
	}
	for status, want := range map[int]wit.Code{302: wit.CodeInvalid, 404: wit.CodeInvalid, 400: wit.CodeInvalid, 401: wit.CodeUnauthorized, 500: wit.CodeUnavailable} {
		w := newWorld(t, &oauthtest.Server{Answer: func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			fmt.Fprint(rw, `{"access_token":"ok","error":"Words That Hold a Secret"}`)
		}})
		w.set("", "refresh", "r")
		w.fails(w.client("", refresh()), want, fmt.Sprint("the server answers ", status))
		if strings.Contains(w.log.String(), "Hold a") {
			t.Error(w.log.String())
		}
	}
}

// TestNames: an endpoint with names of its own, below the address that the owner has set.
func TestNames(t *testing.T) {
	names := &wit.TokenNames{ClientID: "app_id", ClientSecret: "app_secret", Token: "tenant_token", Expires: "expire", Error: "code", Refusals: []string{"10003", "10014"}}
	for answer, want := range map[string]wit.Code{
		`{"code":0,"tenant_token":"ok","expire":7200}`:       "",
		`{"tenant_token":"ok"}`:                              "",
		`{"code":10014,"msg":"Words That Hold a Secret"}`:    wit.CodeUnauthorized,
		`{"code":99991400,"msg":"Words That Hold a Secret"}`: wit.CodeUnavailable,
		`{"code":0,"access_token":"ok"}`:                     wit.CodeUnavailable,
		`{"code":"x","tenant_token":"a\nb"}`:                 wit.CodeUnavailable,
		`<html>`:                                             wit.CodeUnavailable,
	} {
		asked := ""
		w := newWorld(t, &oauthtest.Server{Answer: func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked = r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
			fmt.Fprint(rw, answer)
		}})
		w.config["root"] = "https://server.example/"
		recipe := &wit.OAuth2Recipe{Name: "access", Grant: wit.OAuth2GrantClientCredentials, TokenURL: "config:root/token", ClientID: "cli_1", ClientSecret: new("secret"), JSON: names}
		w.set("home", "secret", w.server.Secret)
		if want != "" {
			w.fails(w.client("home", recipe), want, "access")
			continue
		}
		if token, err := w.keeper.Token(t.Context(), w.client("home", recipe)); err != nil || token != "ok" {
			t.Errorf("%s: %q %v", answer, token, err)
		}
		if want := `/token application/json; charset=utf-8 {"app_id":"cli_1","app_secret":"` + w.server.Secret + `"}`; asked != want {
			t.Errorf("it was asked %s, want %s", asked, want)
		}
	}
	w := newWorld(t, &oauthtest.Server{})
	w.fails(w.client("", &wit.OAuth2Recipe{Name: "access", Grant: wit.OAuth2GrantClientCredentials, TokenURL: "config:root/token", ClientID: "c", ClientSecret: new("secret"), JSON: names}), wit.CodeUnauthorized, "the setting root of mail")
}

// TestTheLastTokenIsRefused, by somebody who cannot know which it was: the one that was had last, once.
func TestTheLastTokenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, &oauthtest.Server{Rotates: true})
		w.set("home", "refresh", w.server.Login())
		c := w.client("home", refresh())
		if w.keeper.LastRefused(t.Context(), c) {
			t.Error("nobody has had one")
		}
		first := w.good(c)
		for range 2 { // of two connections that had it
			if !w.keeper.LastRefused(t.Context(), c) {
				t.Error("it is not worth another attempt")
			}
		}
		second := w.good(c)
		w.asked(2)
		if second == first || w.keeper.LastRefused(t.Context(), c) {
			t.Error("renewed without end")
		}
		if w.good(c) != second {
			t.Error("renewed once more")
		}
	})
}
