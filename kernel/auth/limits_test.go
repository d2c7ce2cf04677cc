package auth_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
)

func TestFailedLoginsAreSlowedDown(t *testing.T) {
	r := newRig(t)
	try := func(where option, token string) error {
		_, err := r.connect(where, secret(token, ""))
		return err
	}
	for range 5 {
		if err := try(remote, "guess"); code(err) != "unauthorized" {
			t.Fatal(err)
		}
	}
	if err := try(remote, "guess"); code(err) != "unauthorized" {
		t.Errorf("the sixth: %v", err)
	}
	err := try(remote, sharedToken)
	if code(err) != "rate_limited" || frame(err, 3) != "UNAVAILABLE unauthorized: too many failed logins from this address: wait and try again" {
		t.Errorf("while slowed down: %v", err)
	}
	if ms, _ := detail(err, "retryAfterMs").(int64); ms < 900 || ms > 1100 {
		t.Errorf("retryAfterMs = %v", rpc.DetailsOf(err))
	}
	// Others are not slowed down, this machine not at all, and IPv6 neighbours of one host are one.
	other := func(ip string) option { return func(a *auth.Attempt) { a.Local, a.RemoteIP = false, ip } }
	if err := try(other("198.51.100.1"), sharedToken); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := try(local, sharedToken); err != nil {
		t.Errorf("this machine: %v", err)
	}
	r.now = r.now.Add(2 * time.Second)
	if err := try(remote, sharedToken); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	for range 100 {
		_ = try(other("2001:db8::1"), "guess")
		r.now = r.now.Add(time.Millisecond)
	}
	if err := try(other("2001:db8::2"), sharedToken); code(err) != "rate_limited" {
		t.Errorf("a neighbour in the same network: %v", err)
	}
	// However long the guessing went on, the owner waits a minute at most.
	for range 200 {
		_ = try(remote, "guess")
		r.now = r.now.Add(time.Minute)
	}
	r.now = r.now.Add(time.Second)
	if err := try(remote, sharedToken); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestThisMachineIsTreatedGently(t *testing.T) {
	r := newRig(t)
	for range 60 {
		_, _ = r.connect(secret("guess", ""))
	}
	r.now = r.now.Add(2*time.Second + time.Millisecond)
	r.must(secret(sharedToken, ""))
}

func TestMissingSecretsAreNoGuesses(t *testing.T) {
	r := newRig(t)
	for range 50 {
		_, _ = r.connect(remote)
	}
	r.must(remote, secret(sharedToken, ""))
}

func TestGeneratedToken(t *testing.T) {
	r := newRig(t, func(d *auth.Deps) { d.Token = "" })
	path := filepath.Join(r.deps.StateDir, auth.TokenFile)
	b, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(b)) != r.auth.Token() || len(r.auth.Token()) < 32 {
		t.Fatalf("file %q, %v; token %q", b, err, r.auth.Token())
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v", info.Mode())
	}
	before := r.auth.Token()
	r.restart()
	if r.auth.Token() != before {
		t.Error("the token did not survive a restart")
	}
	r.must(secret(before, ""))
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(r.deps); code(err) != "invalid" {
		t.Errorf("a damaged token file: %v", err)
	}
	r.deps.StateDir = filepath.Join(r.deps.StateDir, "missing")
	if _, err := auth.New(r.deps); code(err) != "unavailable" {
		t.Errorf("no state directory: %v", err)
	}
}

// A lost key of the device tokens costs a renewal, not a device.
func TestLostDeviceKey(t *testing.T) {
	r := newRig(t)
	first := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	r.deps.StateDir = t.TempDir()
	r.restart()
	second := r.must(deviceToken(first.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	if second.Hello.DeviceToken == first.Hello.DeviceToken || second.Hello.DeviceToken == "" {
		t.Errorf("token = %q", second.Hello.DeviceToken)
	}
	r.must(deviceToken(second.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
}

func TestHTTP(t *testing.T) {
	r := newRig(t)
	open := newRig(t, func(d *auth.Deps) { d.Mode = auth.ModeNone })
	tests := []struct {
		name, header, remote, host, forwarded string
		rig                                   *rig
		want                                  string
	}{
		{"bearer", "Bearer " + sharedToken, "203.0.113.9:1", "gw.example.org", "", r, ""},
		{"wrong", "Bearer x", "203.0.113.9:1", "gw.example.org", "", r, "unauthorized"},
		{"basic", "Basic " + sharedToken, "127.0.0.1:1", "localhost", "", r, "unauthorized"},
		{"nothing", "", "127.0.0.1:1", "localhost", "", r, "unauthorized"},
		{"open", "", "127.0.0.1:1", "localhost:18789", "", open, ""},
		{"open by IPv6", "", "[::1]:1", "[::1]:18789", "", open, ""},
		{"open through a proxy", "", "127.0.0.1:1", "localhost", "203.0.113.1", open, "unauthorized"},
		{"open by another name", "", "127.0.0.1:1", "evil.example.org", "", open, "unauthorized"},
		{"open from elsewhere", "", "203.0.113.9:1", "localhost", "", open, "unauthorized"},
		{"open with an empty bearer", "Bearer ", "203.0.113.9:1", "localhost", "", open, "unauthorized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := httptest.NewRequest("GET", "/metrics", nil)
			q.RemoteAddr, q.Host = tt.remote, tt.host
			if tt.header != "" {
				q.Header.Set("Authorization", tt.header)
			}
			if tt.forwarded != "" {
				q.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			c, err := tt.rig.auth.HTTP(q)
			if string(code(err)) != tt.want || err == nil && c.Scopes[0] != "operator.admin" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}
