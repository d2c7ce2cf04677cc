package auth_test

import (
	"net/http/httptest"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHTTPByDeviceToken: over HTTP a device's token is worth what the device may now, for as long as it lives.
func TestHTTPByDeviceToken(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.read", "operator.pairing"), r.sign(key(1), 2))
	id := g.Caller.DeviceID
	try := func(token string, want wire.Scope) (*rpc.Caller, wit.Code) {
		q := httptest.NewRequest("GET", "http://127.0.0.1/media/x", nil)
		q.RemoteAddr = "203.0.113.7:1"
		q.Header.Set("Authorization", "Bearer "+token)
		caller, err := r.auth.HTTPScope(q, want)
		return caller, wit.CodeOf(err)
	}
	c, got := try(g.Hello.DeviceToken, wire.ScopeRead)
	if got != "" || c.DeviceID != id || c.RemoteIP != "203.0.113.7" || c.Local || len(c.Scopes) != 2 {
		t.Fatalf("%+v %v", c, got)
	}
	if _, got := try(g.Hello.DeviceToken, wire.ScopeWrite); got != wit.CodeForbidden {
		t.Errorf("more than it may: %q", got)
	}
	if c, got := try(sharedToken, wire.ScopeAdmin); got != "" || c.DeviceID != "" {
		t.Errorf("the gateway's token: %+v %q", c, got)
	}
	for _, token := range []string{"", "x", id, g.Hello.DeviceToken + "x"} {
		if _, got := try(token, wire.ScopeRead); got != wit.CodeUnauthorized {
			t.Errorf("%q: %q", token, got)
		}
	}
	// The owner takes a scope back: the token has it still, and the device not.
	update := func(change func(p map[string]any)) {
		t.Helper()
		const devices = store.Table[map[string]any]("auth.devices")
		err := r.store.Update(t.Context(), func(tx store.Tx) error {
			p, err := devices.Get(tx, id)
			if err != nil {
				return err
			}
			change(p)
			return devices.Put(tx, id, p)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	update(func(p map[string]any) { p["scopes"] = []string{"operator.pairing"} })
	if _, got := try(g.Hello.DeviceToken, wire.ScopeRead); got != wit.CodeForbidden {
		t.Errorf("a scope that was taken back: %q", got)
	}
	update(func(p map[string]any) { p["scopes"] = []string{"operator.read", "operator.pairing"} })
	fresh, err := r.call(admin(), "device.token.rotate", map[string]any{"deviceId": id, "role": "operator"})
	if err != nil {
		t.Fatal(err)
	}
	if _, got := try(g.Hello.DeviceToken, wire.ScopeRead); got != wit.CodeUnauthorized {
		t.Errorf("the token before: %q", got)
	}
	token, _ := fresh["token"].(string)
	if _, got := try(token, wire.ScopeRead); got != "" {
		t.Errorf("the new token: %q", got)
	}
	r.now = r.now.Add(auth.TokenTTL)
	if _, got := try(token, wire.ScopeRead); got != wit.CodeUnauthorized {
		t.Errorf("a token that has ended: %q", got)
	}
	r.now = testStart
	if _, err := r.call(admin(), "device.pair.remove", map[string]any{"deviceId": id}); err != nil {
		t.Fatal(err)
	}
	if _, got := try(token, wire.ScopeRead); got != wit.CodeUnauthorized {
		t.Errorf("a device that was removed: %q", got)
	}
}
