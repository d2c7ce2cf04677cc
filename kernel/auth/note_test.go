package auth_test

import (
	"crypto/ed25519"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestLoginsAreNoted: those that let a device in, and those that were refused for their secret, without what was sent; nobody is
// noted who comes again, who waits, or who is told to stay away.
func TestLoginsAreNoted(t *testing.T) {
	var told []string
	r := newRig(t, func(d *auth.Deps) {
		d.Note = func(l auth.Login) {
			told = append(told, fmt.Sprintf("%s %s from %s device %.4s via %s: %s", l.Method, l.Caller.Client.ID, l.Caller.RemoteIP, l.Caller.DeviceID, l.Via, code(l.Err)))
		}
	})
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("%q, want %q", told, want)
		}
		told = nil
	}
	device := func(n byte) string { return wire.DeviceID(key(n).Public().(ed25519.PublicKey))[:4] }
	r.must(secret(sharedToken, ""))
	expect()
	r.must(secret(sharedToken, ""), r.sign(key(1), 2))
	expect("connect cli from 127.0.0.1 device " + device(1) + " via silent: ")
	r.must(secret(sharedToken, ""), r.sign(key(1), 2))
	expect()
	if _, err := r.connect(remote, secret(sharedToken, ""), r.sign(key(2), 2)); err == nil {
		t.Error("a stranger's device was let in")
	}
	expect()
	invited, _ := r.invite(public)
	if _, err := r.withCode(invited.BootstrapToken, 3, node); err != nil {
		t.Fatal(err)
	}
	expect("connect cli from 203.0.113.7 device " + device(3) + " via setup-code: ")
	if _, err := r.withCode(invited.BootstrapToken, 3, node); err != nil { // the answer may have been lost
		t.Fatal(err)
	}
	expect()
	for range 6 {
		_, _ = r.connect(remote, secret("a guess", ""), r.sign(key(4), 2))
	}
	expect(slices.Repeat([]string{"connect cli from 203.0.113.7 device  via : unauthorized"}, 6)...)
	_, _ = r.connect(remote, secret("a guess", ""))
	expect() // it is to stay away
	req := httptest.NewRequest("GET", "/v1/models", nil)
	req.RemoteAddr = "198.51.100.4:1"
	r.auth.Refused(req)
	expect("http http from 198.51.100.4 device  via : unauthorized")
	_, _ = r.connect(remote) // nothing was sent that could be wrong
	expect()
}
