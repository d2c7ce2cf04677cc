package kernel_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/system"
)

func several(t *testing.T, version string) []byte {
	t.Helper()
	return wasm(t, "several", version)
}

// life is what the service of several has told a client so far.
func life(l *kerneltest.Listener) []string {
	var told []string
	for _, e := range l.Events() {
		var said struct{ Payload struct{ Is string } }
		if e.Name == "plugins.event" && json.Unmarshal(e.Payload, &said) == nil {
			told = append(told, said.Payload.Is)
		}
	}
	return told
}

// lived waits until the service has told this, in this order and with nothing between.
func lived(l *kerneltest.Listener, want ...string) {
	l.Until(strings.Join(want, ", "), func([]kerneltest.Event) bool {
		told := life(l)
		for i := 0; i+len(want) <= len(told); i++ {
			if slices.Equal(told[i:i+len(want)], want) {
				return true
			}
		}
		return false
	})
}

func kept(t *testing.T, l *kerneltest.Listener) string {
	t.Helper()
	var out plugin.CallResult
	l.MustCall("plugins.call", map[string]any{"id": "several", "tool": "several"}, &out)
	return *out.Content[0].Text
}

// TestOnePluginOfSeveralKinds: what is a tool, a hook, a webhook and a service is each of them, from the start of the gateway
// to its stop, through an upgrade, a failed one, and a trap.
func TestOnePluginOfSeveralKinds(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "several")
	put(t, dir, map[string][]byte{"plugin.wasm": several(t, "v1"), "plugin.json": marshal(severalManifest("1.0.0"))})
	options := []kerneltest.Option{kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo"))}
	k := kerneltest.Start(t, options...)
	l := &teller{Listener: k.Listen()}
	lived(l.Listener, "ticked v1")
	if got := ring(t, k, "POST", "several/in", strings.NewReader("keep")); got.status != 200 || got.body != "v1" {
		t.Errorf("the webhook: %+v", got)
	}
	l.Ask("r1", "hello")
	if got := kept(t, l.Listener); got != "v1 called hooked" {
		t.Errorf("the tool says %q", got)
	}

	put(t, dir, map[string][]byte{"plugin.wasm": several(t, "v2"), "plugin.json": marshal(severalManifest("2.0.0"))})
	lived(l.Listener, "stopped v1", "started v2", "ticked v2")
	put(t, dir, map[string][]byte{"plugin.wasm": several(t, "broken"), "plugin.json": marshal(severalManifest("3.0.0"))})
	lived(l.Listener, "stopped v2", "started v2", "ticked v2")
	is := info(l.Listener, "several")
	if is.Version != "2.0.0" || is.Update == nil || !strings.Contains(is.Update.Reason, "this version is broken") || is.Service == nil || is.Service.State != "running" {
		t.Errorf("after a failed upgrade: %+v, %+v", is.Update, is.Service)
	}
	if got := ring(t, k, "POST", "several/in", strings.NewReader("x")); got.body != "v2 x" {
		t.Errorf("the webhook after a failed upgrade: %+v", got)
	}
	if got := kept(t, l.Listener); got != "v2 called hooked stopped:v1:replaced stopped:v2:replaced" {
		t.Errorf("the tool says %q", got)
	}

	ring(t, k, "POST", "several/in", strings.NewReader("trap the service"))
	lived(l.Listener, "ticked v2", "started v2", "ticked v2")
	if is := info(l.Listener, "several"); is.Crash == nil || is.Crash.Export != "service_tick" || is.Service == nil || is.Service.Restarts != 1 {
		t.Errorf("after a trap: %+v, %+v", is.Crash, is.Service)
	}
	var status system.Status
	l.MustCall("status", nil, &status)
	if s := status.Services; len(s) != 1 || s[0].Plugin != "several" || s[0].State != "running" {
		t.Errorf("status has %+v", s)
	}
	k.Stop()
	l = &teller{Listener: kerneltest.Start(t, options...).Listen()}
	if got := kept(t, l.Listener); !strings.Contains(got, "stopped:v2:gateway_stops") {
		t.Errorf("after the end of the gateway: %q", got)
	}
}
