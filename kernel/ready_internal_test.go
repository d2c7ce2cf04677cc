package kernel

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// ailing is a store that answers nothing while it is ill.
type ailing struct {
	store.Store
	ill bool
}

func (a *ailing) View(ctx context.Context, fn func(store.Tx) error) error {
	if a.ill {
		return wit.NewError(wit.CodeUnavailable, "the disk is gone")
	}
	return a.Store.View(ctx, fn)
}

// TestReady asks a kernel whether it is ready through all of its life; that it lives is another question.
func TestReady(t *testing.T) {
	// Stopping waits for this plugin, so the test can look at a gateway that stops.
	stopping, goOn := make(chan struct{}), make(chan struct{})
	memory := new(plugintest.Memory)
	memory.Put(plugintest.Fake{
		Manifest: wit.Manifest{ID: "slow", Name: "Slow", Version: "1.0.0", Description: "Takes its time.", ABI: 1, Entry: "plugin.wasm",
			Provides: wit.Provides{Hooks: []wit.HookFacts{{Name: wit.HookNameGatewayStop}}}},
		Exports: map[string]func(context.Context, []byte) ([]byte, error){"hook_handle": func(context.Context, []byte) ([]byte, error) {
			close(stopping)
			<-goOn
			return []byte(`{}`), nil
		}},
	})
	log, err := logs.New(logs.Config{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k, err := New(t.Context(), Options{Version: "1.0.0", Log: log, Listener: listener, Sources: []source.Source{memory}})
	if err != nil {
		t.Fatal(err)
	}
	db := &ailing{Store: k.state.db}
	k.state.db = db
	is := func(when string, ready int, status string) {
		t.Helper()
		for path, want := range map[string]int{"/ready": ready, "/readyz": ready, "/health": http.StatusOK} {
			w := httptest.NewRecorder()
			k.door.gateway.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			var body struct{ Status string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != want || path != "/health" && body.Status != status {
				t.Errorf("%s: %s is %d %s", when, path, w.Code, w.Body)
			}
		}
	}

	is("before it runs", http.StatusServiceUnavailable, "not_ready")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() { ended <- k.Run(ctx, func(Endpoint) { close(started) }) }()
	<-started
	is("started", http.StatusOK, "ready")
	db.ill = true
	is("with a store that does not answer", http.StatusServiceUnavailable, "not_ready")
	db.ill = false
	is("with one that does again", http.StatusOK, "ready")
	stop()
	<-stopping
	is("stopping", http.StatusServiceUnavailable, "not_ready")
	close(goOn)
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	is("stopped", http.StatusServiceUnavailable, "not_ready")
}
