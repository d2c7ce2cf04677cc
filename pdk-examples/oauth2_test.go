package examples_test

import (
	"context"
	"fmt"
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
	config := kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"go-oauth2-tool":{"config":{"url":%q,"tokenUrl":%q,"clientId":"me"}}}}`, url, url+"/token"))
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
