package kernel_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestScopesOfProtocols: where protocol 4 asks for another scope than protocol 3, clients of each get by with their own.
func TestScopesOfProtocols(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	k.Listen().Ask("r1", "hello")
	const allowed, refused = wit.Code(""), wit.CodeForbidden
	session := func(more map[string]any) map[string]any {
		p := map[string]any{"key": "main"}
		for name, v := range more {
			p[name] = v
		}
		return p
	}
	many := func(change map[string]any) map[string]any {
		return map[string]any{"targets": []any{map[string]any{"key": "main"}}, "patch": change}
	}
	archive := session(map[string]any{"archived": true})
	for _, tt := range []struct {
		method      string
		params      any
		scope       wire.Scope
		three, four wit.Code
	}{
		{"config.get", nil, wire.ScopeRead, refused, allowed},
		{"config.get", nil, wire.ScopePairing, refused, refused},
		{"config.get", nil, wire.ScopeAdmin, allowed, allowed},
		{"config.schema", nil, wire.ScopeRead, refused, allowed},
		{"config.schema", nil, wire.ScopePairing, refused, refused},
		{"sessions.resolve", session(nil), wire.ScopeRead, refused, allowed},
		{"sessions.resolve", session(nil), wire.ScopeAdmin, allowed, allowed},
		{"sessions.patch", archive, wire.ScopeWrite, refused, allowed},
		{"sessions.patch", archive, wire.ScopeRead, refused, refused},
		{"sessions.patch", session(map[string]any{"label": "x"}), wire.ScopeWrite, refused, refused},
		{"sessions.patch", session(map[string]any{"archived": true, "pinned": true}), wire.ScopeWrite, refused, refused},
		{"sessions.patch", session(nil), wire.ScopeWrite, refused, refused},
		{"sessions.patch", session(map[string]any{"label": "x"}), wire.ScopeAdmin, allowed, allowed},
		{"sessions.patchMany", many(map[string]any{"archived": true}), wire.ScopeWrite, refused, allowed},
		{"sessions.patchMany", many(map[string]any{"label": "x"}), wire.ScopeWrite, refused, refused},
		{"sessions.patchMany", many(map[string]any{"label": "x"}), wire.ScopeAdmin, allowed, allowed},
		{"health", nil, wire.ScopePairing, refused, allowed},
		{"health", nil, wire.ScopeRead, allowed, allowed},
	} {
		for protocol, want := range map[int]wit.Code{3: tt.three, 4: tt.four} {
			c, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: protocol, MaxProtocol: protocol, Scopes: []wire.Scope{tt.scope}})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Call(t.Context(), tt.method, tt.params, nil); wit.CodeOf(err) != want {
				t.Errorf("protocol %d: %s %v with %s: %v", protocol, tt.method, tt.params, tt.scope, err)
			}
		}
	}
	// Who may not read learns whether the gateway works, and nothing of what is in it.
	c, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: 4, Scopes: []wire.Scope{wire.ScopePairing}})
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		OK       bool
		Agents   []any
		Sessions struct{ Count int }
	}
	if err := c.Call(t.Context(), "health", nil, &h); err != nil || !h.OK || len(h.Agents) > 0 || h.Sessions.Count > 0 {
		t.Errorf("%+v, %v", h, err)
	}
	if got := c.Hello().Features.Capabilities; len(got) == 0 || got[0] != "published-model-catalog" {
		t.Errorf("capabilities %v", got)
	}
	if err := c.Call(t.Context(), "models.list", nil, nil); wit.CodeOf(err) != refused {
		t.Errorf("models.list: %v", err)
	}
	if err := k.Dial().Call(t.Context(), "models.list", map[string]any{"refresh": true, "preparedOnly": true}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("what excludes each other: %v", err)
	}
}
