package examples_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	config := kerneltest.Config(t, signIn("", url))
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
var grants = map[string]string{"app": "secret", "form": "secret", "tenant": "secret", "service": "privateKey"}

// ways are how those show a secret that have one.
var ways = map[string]string{"app": "basic", "form": "body", "tenant": "body"}

// inFormOf is the server as a client of a grant speaks to it.
func inFormOf(server *oauthtest.Server, as string) http.Handler {
	if as == "tenant" {
		return tenants{server}
	}
	return server
}

// tenants is the server with a token endpoint that takes and answers JSON with names of its own, as some platforms have it.
type tenants struct{ *oauthtest.Server }

func (s tenants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		s.Server.ServeHTTP(w, r)
		return
	}
	var asked map[string]string
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked) != 2 {
		http.Error(w, "two texts are wanted", http.StatusBadRequest)
		return
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {asked["app_id"]}, "client_secret": {asked["app_secret"]}}
	usual := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(form.Encode()))
	usual.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	s.Server.ServeHTTP(answer, usual)
	var issued struct {
		Token string `json:"access_token"`
		Life  int    `json:"expires_in"`
	}
	_ = json.Unmarshal(answer.Body.Bytes(), &issued) // a refusal has no token
	if issued.Token == "" {
		fmt.Fprint(w, `{"code":10014,"msg":"app secret invalid"}`) // with the status 200
		return
	}
	fmt.Fprintf(w, `{"code":0,"tenant_token":%q,"expire":%d}`, issued.Token, issued.Life)
}

// signIn is settings by which the example signs in as somebody to a server; "" leaves out as whom.
func signIn(as, url string) string {
	if as != "" {
		as = fmt.Sprintf(`"as":%q,`, as)
	}
	return fmt.Sprintf(`{"secrets":{"keyring":false},"gateway":{"token":%q},
		"plugins":{"go-oauth2-tool":{"config":{%s"url":%q,"tokenUrl":%q,"clientId":"me"}}}}`, kerneltest.Token, as, url, url+"/token")
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
			url := serve(t, inFormOf(server, as))
			server.Audience = url + "/token"
			wrong, right := privateKey(t, server), privateKey(t, server)
			if credential == "secret" {
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
			const refused = "`carapace setup go-oauth2-tool` asks for them"
			want(refused, 1)
			want(refused, 1) // and the server is not asked without end
			configure(l, "go-oauth2-tool", "", credential, right)
			want("hello", 2)
			want("hello", 2)
			server.Revoke()
			want("hello", 3)
			if got := server.Way(); got != ways[as] {
				t.Errorf("the secret was shown by %q, want %q", got, ways[as])
			}
		})
	}
}

// holding is a server that takes requests of a path, says by asked that it has, and answers them only once goOn is closed.
type holding struct {
	http.Handler
	path        string
	asked, goOn chan struct{}
}

func hold(server http.Handler, path string) *holding {
	return &holding{server, path, make(chan struct{}), make(chan struct{})}
}

func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	h.Handler.ServeHTTP(answer, r)
	if r.URL.Path == h.path {
		select {
		case h.asked <- struct{}{}:
			<-h.goOn
		case <-h.goOn:
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // who was killed is gone
}

// waits returns once the server was asked; who has it asked must not be answered before.
func (h *holding) waits(t *testing.T, answer <-chan string) {
	t.Helper()
	select {
	case <-h.asked:
	case got := <-answer:
		t.Fatalf("the server was not asked: %s", got)
	}
}

// TestOAuth2Killed: a gateway that is killed while it asks for a token asks anew, and one that is killed while it uses one has
// kept it.
func TestOAuth2Killed(t *testing.T) {
	t.Parallel()
	for as, credential := range grants {
		for path, asked := range map[string]int{"/token": 2, "/hello": 1} {
			t.Run(as+path, func(t *testing.T) {
				t.Parallel()
				server := &oauthtest.Server{Client: "me", Secret: "client-s3cret", Life: time.Hour}
				held := hold(inFormOf(server, as), path)
				url, dir := serve(t, held), t.TempDir()
				server.Audience = url + "/token"
				secret := privateKey(t, server)
				if credential == "secret" {
					secret = server.Secret
				}
				drop(t, filepath.Join(dir, "plugins", "go-oauth2-tool"), "go-oauth2-tool")
				config := signIn(as, url)
				boot := func() *kerneltest.Kernel {
					return kerneltest.Start(t, kerneltest.Config(t, config), kerneltest.StateDir(dir), kerneltest.Compiled(t))
				}
				k := boot()
				configure(k.Listen(), "go-oauth2-tool", "", credential, secret)
				k.Stop()

				v := startVictim(t, dir, "go-oauth2-tool", config)
				answer := invoke(t, v.url, "greeting")
				held.waits(t, answer)
				v.kill()
				close(held.goOn)
				if got := <-answer; got != "" {
					t.Errorf("who was killed has answered %s", got)
				}
				if got := greeting(boot().Listen()); got != "hello" || server.Asked() != asked {
					t.Errorf("%q after %d tokens, want %d", got, server.Asked(), asked)
				}
			})
		}
	}
}

// invoke has a gateway at an address call a tool. What comes is its answer, empty where it has none.
func invoke(t *testing.T, gateway, tool string) <-chan string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, gateway+"/tools/invoke", strings.NewReader(fmt.Sprintf(`{"tool":%q}`, tool)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	return answered(http.DefaultClient, r)
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
