package system_test

import (
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// held is a source of plugins that lets whoever looks for them wait while it is held. What changed is in force after
// that look.
type held struct {
	*plugintest.Memory
	mu   sync.Mutex
	gate chan struct{} // nil while it is not held; closed at the end
	seen chan struct{} // somebody waits at the gate
}

func (h *held) Packages() ([]source.Package, error) {
	h.mu.Lock()
	gate, seen := h.gate, h.seen
	h.mu.Unlock()
	if gate != nil {
		select {
		case seen <- struct{}{}:
		default:
		}
		<-gate
	}
	return h.Memory.Packages()
}

// hold begins, and release ends it.
func (h *held) hold() (seen <-chan struct{}, release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate, h.seen = make(chan struct{}), make(chan struct{}, 1)
	return h.seen, sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		close(h.gate)
		h.gate = nil
	})
}

// TestAChangeIsAnsweredWhenItHolds: whoever changed settings is not answered before the plugins go by them.
func TestAChangeIsAnsweredWhenItHolds(t *testing.T) {
	plugins := &held{Memory: new(plugintest.Memory)}
	for _, f := range []plugintest.Fake{kerneltest.Channel("chat"), kerneltest.Echo("echo")} {
		plugins.Put(f)
	}
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Source(plugins),
		kerneltest.Config(t, `{"plugins":{"chat":{"enabled":false}},"channels":{"chat":{"accounts":{"home":{"enabled":false,"config":{"root":"http://127.0.0.1:9"}}}}}}`))
	changer, other := k.Listen(), k.Listen()
	for _, c := range []struct {
		method string
		params map[string]any
	}{
		{"plugins.configure", map[string]any{"id": "echo", "enabled": false}},
		{"config.patch", map[string]any{"raw": `{"plugins":{"echo":{"enabled":true}}}`}},
		{"config.set", map[string]any{"raw": `{"plugins":{"chat":{"enabled":false},"echo":{"enabled":false}},"channels":{"chat":{"accounts":{"home":{"enabled":false}}}}}`}},
		{"plugins.revoke", map[string]any{"id": "chat", "account": "home", "settings": true}},
	} {
		if c.method == "config.set" {
			var now struct{ Hash string }
			other.MustCall("config.get", nil, &now)
			c.params["baseHash"] = now.Hash
		}
		seen, release := plugins.hold()
		answered := make(chan error, 1)
		go func() { answered <- changer.Call(t.Context(), c.method, c.params, nil) }()
		<-seen
		for range 50 { // an answer that waits for nothing comes meanwhile
			other.MustCall("health", nil, nil)
		}
		select {
		case err := <-answered:
			t.Errorf("%s was answered before it held: %v", c.method, err)
			answered <- err
		default:
		}
		release()
		if err := <-answered; err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
	}
}
