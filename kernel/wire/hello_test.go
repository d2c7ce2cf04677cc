package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestHelloParts: put together from its parts, hello-ok is what it would be encoded as a whole.
func TestHelloParts(t *testing.T) {
	for name, h := range map[string]wire.HelloOK{
		"empty": {Features: wire.Features{Methods: []string{}}, Snapshot: wire.Snapshot{Presence: []wire.Presence{}, Health: json.RawMessage("{}")}},
		"protocol 4": {
			HelloHead: wire.HelloHead{Type: "hello-ok", Protocol: 4, Server: wire.Server{Version: "1", BootID: "b", ConnID: "c"}},
			Features:  wire.Features{Methods: []string{"health"}, Events: []string{"tick"}, Capabilities: []string{"x"}},
			Snapshot: wire.Snapshot{Presence: []wire.Presence{{Host: "a", Ts: 1}, {Text: "<b>"}}, Health: json.RawMessage(`{"ok":true}`), SnapshotFacts: wire.SnapshotFacts{
				StateVersion: wire.StateVersion{Presence: 2, Health: 3}, UptimeMs: 4, ConfigPath: "/c", StateDir: "/s", AuthMode: "token",
				SessionDefaults: &wire.SessionDefaults{DefaultAgentID: "main"},
			}},
			HelloEnd: wire.HelloEnd{Auth: &wire.HelloAuth{Role: "operator"}, Policy: wire.Policy{MaxPayload: 5}, PluginSurfaceURLs: map[string]string{}},
		},
	} {
		want, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		p := wire.HelloParts{Head: h.HelloHead, Facts: h.Snapshot.SnapshotFacts, Health: h.Snapshot.Health, End: h.HelloEnd}
		p.Features, _ = json.Marshal(h.Features)
		p.Presence, _ = json.Marshal(h.Snapshot.Presence)
		if got, err := p.Append(nil); err != nil || string(got) != string(want) {
			t.Errorf("%s: %v\n%s\n%s", name, err, got, want)
		}
	}
}
