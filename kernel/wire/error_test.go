package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func TestErrorMapping(t *testing.T) {
	tests := []struct {
		code   wit.Code
		v3, v4 string
	}{
		{wit.CodeInvalid, "INVALID_REQUEST", "INVALID_REQUEST"},
		{wit.CodeNotFound, "INVALID_REQUEST", "INVALID_REQUEST"},
		{wit.CodeConflict, "INVALID_REQUEST", "INVALID_REQUEST"},
		{wit.CodeUnauthorized, "INVALID_REQUEST", "INVALID_REQUEST"},
		{wit.CodeForbidden, "INVALID_REQUEST", "FORBIDDEN"},
		{wit.CodeUnavailable, "UNAVAILABLE", "UNAVAILABLE"},
		{wit.CodeTimeout, "AGENT_TIMEOUT", "AGENT_TIMEOUT"},
		{wit.CodeTooLarge, "INVALID_REQUEST", "INVALID_REQUEST"},
		{wit.CodeRateLimited, "UNAVAILABLE", "UNAVAILABLE"},
		{wit.CodeInternal, "UNAVAILABLE", "UNAVAILABLE"},
	}
	for _, tt := range tests {
		for protocol, want := range map[int]string{3: tt.v3, 4: tt.v4} {
			e := wire.NewError(wit.NewError(tt.code, "text"), nil, protocol)
			if e.Code != want {
				t.Errorf("%s in protocol %d = %s, want %s", tt.code, protocol, e.Code, want)
			}
			// Over the wire and back the code is the same.
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var back wire.Error
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if got := back.Wit().Code; got != tt.code {
				t.Errorf("%s in protocol %d came back as %s (%s)", tt.code, protocol, got, b)
			}
			if e.Retryable != tt.code.Transient() {
				t.Errorf("%s retryable = %t", tt.code, e.Retryable)
			}
		}
	}
}

func TestErrorHidesWhatHasNoCode(t *testing.T) {
	for _, err := range []error{errors.New("secret path"), wit.NewError(wit.CodeInternal, "secret path"), fmt.Errorf("x: %w", errors.New("secret path"))} {
		if e := wire.NewError(err, nil, 4); e.Message != "internal error" {
			t.Errorf("%v is shown as %q", err, e.Message)
		}
	}
}

func TestErrorWithCode(t *testing.T) {
	err := fmt.Errorf("connect: %w", wire.WithCode(wit.NewError(wit.CodeUnauthorized, "pairing required"), wire.NotPaired))
	e := wire.NewError(err, map[string]any{"requestId": "r"}, 3)
	if e.Code != "NOT_PAIRED" || e.Message != "pairing required" {
		t.Errorf("got %+v", e)
	}
	if e.Wit().Code != wit.CodeUnauthorized {
		t.Errorf("came back as %s", e.Wit().Code)
	}
}

func TestNegotiate(t *testing.T) {
	for _, tt := range []struct {
		low, high, want int
		ok              bool
	}{{3, 3, 3, true}, {4, 4, 4, true}, {3, 4, 4, true}, {1, 9, 4, true}, {1, 2, 0, false}, {5, 9, 0, false}, {4, 3, 0, false}} {
		got, ok := wire.ConnectParams{MinProtocol: tt.low, MaxProtocol: tt.high}.Negotiate()
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%d..%d = %d, %t", tt.low, tt.high, got, ok)
		}
	}
}

func TestKnownClient(t *testing.T) {
	for id, want := range map[string]bool{
		"cli": true, "webchat-ui": true, "clawdbot-macos": true, "moltbot-ios": true, "openclaw-tui": true, "carapace-android": true, "openclaw-control-ui": true,
		"": false, "nope": false, "clawdbot": false, "clawdbot-": false, "evil-macos": false, "openclaw-toaster": false,
	} {
		if got := wire.KnownClient(id); got != want {
			t.Errorf("%q = %t", id, got)
		}
	}
}

func TestAllows(t *testing.T) {
	op, node := wire.RoleOperator, wire.RoleNode
	tests := []struct {
		role    wire.Role
		granted []wire.Scope
		want    wire.Scope
		allowed bool
	}{
		{op, []wire.Scope{wire.ScopeAdmin}, wire.ScopePairing, true},
		{op, []wire.Scope{wire.ScopeWrite}, wire.ScopeRead, true},
		{op, []wire.Scope{wire.ScopeRead}, wire.ScopeWrite, false},
		{op, []wire.Scope{wire.ScopePairing}, wire.ScopeRead, false},
		{op, nil, wire.ScopeNone, true},
		{op, []wire.Scope{wire.ScopeAdmin}, wire.ScopeNode, false},
		{op, []wire.Scope{wire.ScopeAdmin}, "", false},
		{node, []wire.Scope{wire.ScopeAdmin}, wire.ScopeRead, false},
		{node, nil, wire.ScopeNode, true},
		{node, nil, wire.ScopeNone, true},
		{node, nil, "", false},
		{"", []wire.Scope{wire.ScopeAdmin}, wire.ScopeRead, false},
	}
	for _, tt := range tests {
		if got := wire.Allows(tt.role, tt.granted, tt.want); got != tt.allowed {
			t.Errorf("Allows(%s, %v, %s) = %t", tt.role, tt.granted, tt.want, got)
		}
	}
}
