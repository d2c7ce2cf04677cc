package gateway_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// farListener makes what dials it look like a peer of another machine.
type farListener struct{ *gatewaytest.Listener }

type farConn struct{ net.Conn }

func (l farListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return farConn{c}, nil
}

func (farConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 40000}
}

func bootFar(t *testing.T, opts ...rigOption) (near, far *rig) {
	t.Helper()
	mem := gatewaytest.NewListener()
	near = bootOn(t, []net.Listener{farListener{mem}}, opts...)
	copied := *near
	copied.mem = mem
	return near, &copied
}

// TestRemotePairing follows a phone from its first knock to its own token.
func TestRemotePairing(t *testing.T) {
	near, far := bootFar(t)
	owner := near.connect(client.Options{})
	phone := client.Options{
		Token: token, Identity: t.TempDir() + "/key", Scopes: []wire.Scope{wire.ScopeRead, wire.ScopeWrite}, MaxProtocol: 3,
		Client: wire.Client{ID: "openclaw-ios", Mode: "ui", DisplayName: "phone", Platform: "ios"},
	}
	_, err := far.dial(phone)
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != "NOT_PAIRED" || e.Message != "pairing required" {
		t.Fatalf("first knock: %v", err)
	}
	id := e.Details.(map[string]any)["requestId"].(string)
	if got := next(t, owner, "device.pair.requested"); !strings.Contains(string(got.Payload), id) || !strings.Contains(string(got.Payload), `"displayName":"phone"`) {
		t.Errorf("the owner is told %s", got.Payload)
	}
	if err := owner.Call(t.Context(), "device.pair.approve", map[string]string{"requestId": id}, nil); err != nil {
		t.Fatal(err)
	}
	if got := next(t, owner, "device.pair.resolved"); !strings.Contains(string(got.Payload), `"decision":"approved"`) {
		t.Errorf("the owner is told %s", got.Payload)
	}
	c := far.connect(phone)
	auth := c.Hello().Auth
	if auth == nil || auth.DeviceToken == "" || len(auth.Scopes) != 2 {
		t.Fatalf("hello.auth = %+v", auth)
	}
	phone.Token = ""
	phone.DeviceToken = auth.DeviceToken
	for _, protocol := range []int{3, 4} {
		phone.MaxProtocol = protocol
		again, err := far.dial(phone)
		if err != nil {
			t.Fatalf("protocol %d with its own token: %v", protocol, err)
		}
		defer again.Close()
		if got := again.Hello().Auth.DeviceToken; got != auth.DeviceToken {
			t.Errorf("protocol %d: the token changed", protocol)
		}
	}
	// Others see that somebody is there, and an admin from where.
	var list []wire.Presence
	if err := owner.Call(t.Context(), "system-presence", nil, &list); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, p := range list {
		found = found || p.Host == "phone" && p.IP == "203.0.113.7"
	}
	if !found {
		t.Errorf("presence = %+v", list)
	}
}

func TestPerAddressLimit(t *testing.T) {
	near, far := bootFar(t, limits(gateway.Limits{MaxPerIP: 2}))
	far.connect(client.Options{})
	far.connect(client.Options{})
	if _, err := far.dial(client.Options{Token: token}); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "503") {
		t.Errorf("the third from one address: %v", err)
	}
	for range 4 { // this machine is exempt
		near.connect(client.Options{})
	}
}

// TestAProxyThatTellsNothingHasNoLimitOfItsOwn: all of its clients come from its address.
func TestAProxyThatTellsNothingHasNoLimitOfItsOwn(t *testing.T) {
	_, far := bootFar(t, limits(gateway.Limits{MaxPerIP: 2}), func(a *authDeps, _ *gateway.Deps) {
		a.Proxies = auth.Proxies{netip.MustParsePrefix("203.0.113.7/32")}
	})
	for range 5 {
		far.connect(client.Options{})
	}
}

// A stranger who guesses is slowed down at the door, while this machine gets in.
func TestGuessingOverTheWire(t *testing.T) {
	near, far := bootFar(t)
	var err error
	for range 7 {
		_, err = far.dial(client.Options{Token: "guess"})
	}
	if wit.CodeOf(err) != wit.CodeRateLimited || wit.AsError(err).RetryAfter == nil {
		t.Errorf("the seventh guess: %v (%s)", err, wit.CodeOf(err))
	}
	near.connect(client.Options{})
}

// An admin from elsewhere is rate limited like everybody.
func TestRateLimitHoldsForRemoteAdmins(t *testing.T) {
	_, far := bootFar(t, limits(gateway.Limits{Rate: 0.001, Burst: 3}))
	c := far.connect(client.Options{})
	for range 3 {
		if err := c.Call(t.Context(), "health", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Call(t.Context(), "health", nil, nil); wit.CodeOf(err) != wit.CodeRateLimited {
		t.Errorf("the fourth: %v", err)
	}
}
