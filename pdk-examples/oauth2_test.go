package examples_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/oauth/oauthtest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// mortal is a disk whose gateway can be killed at a moment: from then on nothing that it does is written, and nothing that
// was written is heard of.
type mortal struct {
	store.Store
	mu   sync.Mutex
	when func(space string, done bool) bool // asked before and after each transaction that writes to a space
	dead bool
}

func (m *mortal) Close() error { return nil } // the disk stays

// kill has the gateway end at a moment; nil lets it live.
func (m *mortal) kill(when func(space string, done bool) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.when, m.dead = when, false
}

// lives reports whether no end of the gateway is set.
func (m *mortal) lives() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.when == nil
}

func (m *mortal) dies(spaces map[string]bool, done bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for space := range spaces {
		m.dead = m.dead || m.when != nil && m.when(space, done)
	}
	return m.dead
}

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	if m.lives() { // a start looks into its transactions, and they have to be the store's own
		return m.Store.Update(ctx, fn)
	}
	killed := wit.NewError(wit.CodeUnavailable, "killed")
	wrote := map[string]bool{}
	err := m.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(writes{tx, wrote}); err != nil {
			return err
		}
		if m.dies(wrote, false) {
			return killed
		}
		return nil
	})
	if err == nil && m.dies(wrote, true) {
		return killed
	}
	return err
}

// writes notes which spaces a transaction writes to.
type writes struct {
	store.Tx
	spaces map[string]bool
}

func (w writes) Put(space, key string, value []byte) error {
	w.spaces[space] = true
	return w.Tx.Put(space, key, value)
}

// greeting calls the example's tool as an author does, and returns what it says, or its error.
func greeting(l *kerneltest.Listener) string {
	var out plugin.CallResult
	if err := l.Call(context.Background(), "plugins.call", plugin.CallParams{ID: "go-oauth2-tool", Tool: "greeting"}, &out); err != nil {
		return err.Error()
	}
	return *out.Content[0].Text
}

// TestOAuth2: the plugin has a token whenever it needs one; the server is strict, gives another refresh token at each use
// and takes none twice.
func TestOAuth2(t *testing.T) {
	t.Parallel()
	server := &oauthtest.Server{Client: "me", Secret: "client-s3cret", Rotates: true, Life: time.Hour}
	url := serve(t, server)
	config := kerneltest.Config(t, signIn("owner", url))
	disk, keyring := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}
	state := t.TempDir()
	drop(t, filepath.Join(state, "plugins", "go-oauth2-tool"), "go-oauth2-tool")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		disk.kill(nil)
		k := kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Store(disk, keyring), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
		return k, k.Listen()
	}
	k, l := boot()
	secrets := func(refresh string) {
		l.MustCall("plugins.configure", map[string]any{"id": "go-oauth2-tool", "secrets": map[string]string{"secret": server.Secret, "refresh": refresh}}, nil)
	}
	want := func(text string, asked int) {
		t.Helper()
		if got := greeting(l); !strings.Contains(got, text) || server.Asked() != asked {
			t.Errorf("%q after %d tokens, want %q after %d", got, server.Asked(), text, asked)
		}
	}
	want("the credential", 0)
	secrets(server.Login())
	want("hello", 1)
	want("hello", 1)
	server.Revoke() // a 401 is tried again, with another token
	want("hello", 2)

	// Killed once the new pair is written: it is used by the next start, though this one has never heard of it.
	var logged []string
	restart := func() { // also, a server that refuses two tokens within half a minute is not asked for a third
		k.Stop()
		logged = append(logged, k.Logged()...)
		k, l = boot()
	}
	restart()
	server.Revoke()
	disk.kill(func(space string, done bool) bool { return space == "secret" && done })
	_ = greeting(l)
	restart()
	want("hello", 3)

	// Killed before: this server does not take the old one again, and the owner is told.
	restart()
	server.Revoke()
	disk.kill(func(space string, done bool) bool { return space == "secret" && !done })
	_ = greeting(l)
	restart()
	want("the login has ended", 5)
	want("`carapace setup go-oauth2-tool` asks for them", 5) // and the server is not asked without end
	secrets(server.Login())
	want("hello", 6)

	// An upgrade of the plugin keeps the token.
	manifest := filepath.Join(state, "plugins", "go-oauth2-tool", "plugin.json")
	upgrade(t, manifest)
	until(t, l, "1.0.1")
	want("hello", 6)
	k.Stop()
	for _, line := range append(logged, k.Logged()...) {
		for _, word := range append(oauthtest.Secrets(), server.Secret) {
			if strings.Contains(line, word) {
				t.Errorf("%q is in the log: %s", word, line)
			}
		}
	}
	kept, err := os.ReadFile(filepath.Join(state, "carapace.json"))
	if err != nil || strings.Contains(string(kept), "token-0") {
		t.Errorf("%s, %v", kept, err)
	}
}

// grants are those by which a client signs in that has no login, with the credential for each.
var grants = map[string]string{"app": "secret", "service": "privateKey"}

// signIn is settings by which the example signs in as somebody to a server.
func signIn(as, url string) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"gateway":{"token":%q},"plugins":{"go-oauth2-tool":{"config":{"as":%q,"url":%q,"tokenUrl":%q,"clientId":"me"}}}}`,
		kerneltest.Token, as, url, url+"/token")
}

// privateKey makes a key, which the server takes for that of the service account, and returns it in PEM.
func privateKey(t *testing.T, server *oauthtest.Server) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	server.Keys = map[string]any{"me": &key.PublicKey}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestOAuth2Grants: an app signs in by its secret and a service account by its key, once for as long as the token is good.
func TestOAuth2Grants(t *testing.T) {
	t.Parallel()
	for as, credential := range grants {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			server := &oauthtest.Server{Client: "me", Secret: "client-s3cret", Life: time.Hour}
			url := serve(t, server)
			server.Audience = url + "/token"
			wrong, right := privateKey(t, server), privateKey(t, server)
			if as == "app" {
				wrong, right = "guessed", server.Secret
			}
			l := start(t, []string{"go-oauth2-tool"}, kerneltest.Config(t, signIn(as, url))).Listen()
			want := func(text string, asked int) {
				t.Helper()
				if got := greeting(l); !strings.Contains(got, text) || server.Asked() != asked {
					t.Errorf("%q after %d tokens, want %q after %d", got, server.Asked(), text, asked)
				}
			}
			want("the credential "+credential, 0)
			configure(l, "go-oauth2-tool", "", credential, wrong)
			want("the login has ended", 1)
			want("the login has ended", 1) // and the server is not asked without end
			configure(l, "go-oauth2-tool", "", credential, right)
			want("hello", 2)
			want("hello", 2)
			server.Revoke()
			want("hello", 3)
		})
	}
}

// strikes is a server before which a gateway is killed: a request of a path is told of, and is answered once the test says so.
type strikes struct {
	http.Handler
	path   string
	struck chan struct{}
	goOn   chan struct{}
}

func (s *strikes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == s.path {
		select {
		case s.struck <- struct{}{}:
			<-s.goOn
		case <-s.goOn:
		}
	}
	s.Handler.ServeHTTP(w, r)
}

// TestOAuth2Killed: a gateway that is killed while it asks for a token asks anew, and one that is killed while it uses one has
// kept it. The server is not greeted by who was killed.
func TestOAuth2Killed(t *testing.T) {
	t.Parallel()
	for as, credential := range grants {
		for path, asked := range map[string]int{"/token": 2, "/hello": 1} {
			t.Run(as+path, func(t *testing.T) {
				t.Parallel()
				server := &oauthtest.Server{Client: "me", Secret: "client-s3cret", Life: time.Hour}
				held := &strikes{server, path, make(chan struct{}), make(chan struct{})}
				url, dir := serve(t, held), t.TempDir()
				server.Audience = url + "/token"
				secret := privateKey(t, server)
				if as == "app" {
					secret = server.Secret
				}
				drop(t, filepath.Join(dir, "plugins", "go-oauth2-tool"), "go-oauth2-tool")
				boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
					k := kerneltest.Start(t, kerneltest.Config(t, signIn(as, url)), kerneltest.StateDir(dir), kerneltest.Compiled(t))
					return k, k.Listen()
				}
				k, l := boot()
				configure(l, "go-oauth2-tool", "", credential, secret)
				k.Stop()

				v := startVictim(t, dir, "go-oauth2-tool", signIn(as, url))
				r, err := http.NewRequest(http.MethodPost, v.url+"/tools/invoke", strings.NewReader(`{"tool":"greeting"}`))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+kerneltest.Token)
				answer := make(chan string, 1)
				go func() { answer <- exchanged(r) }()
				select {
				case <-held.struck:
				case got := <-answer:
					t.Fatalf("the server was not asked: %s", got)
				}
				v.kill()
				close(held.goOn)
				if got := <-answer; got != "" {
					t.Errorf("who was killed has answered %s", got)
				}
				_, l = boot()
				if got := greeting(l); got != "hello" || server.Asked() != asked {
					t.Errorf("%q after %d tokens, want %d", got, server.Asked(), asked)
				}
			})
		}
	}
}

// exchanged is what a request is answered with, nothing where the server is gone.
func exchanged(r *http.Request) string {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(res.Body)
	return res.Status + " " + text.String()
}

// until waits until the example runs in a version.
func until(t *testing.T, l *kerneltest.Listener, version string) {
	t.Helper()
	l.Until("version "+version, func([]kerneltest.Event) bool {
		var list struct{ Plugins []plugin.Status }
		l.MustCall("plugins.status", nil, &list)
		for _, p := range list.Plugins {
			if p.ID == "go-oauth2-tool" && p.Version == version {
				return true
			}
		}
		return false
	})
}
