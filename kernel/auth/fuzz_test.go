package auth_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// FuzzDevice checks that nothing but a signature gets a device in, whatever the fields look like.
func FuzzDevice(f *testing.F) {
	f.Add("56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c", "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "AiPiAIRLLdgFUeW7Odh4TH9RSkgjoAEngEvAqpcbMGurpU1N1n073Z6mQOdO06oI12y3Of9VPE6jgJtcjJIaCg", "", int64(0))
	f.Add("", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "====", "nonce-abc", int64(-1))
	f.Add("x", "\x00|", "\xff", "nonce-abc", int64(1<<62))
	f.Fuzz(func(t *testing.T, id, key, sig, nonce string, skew int64) {
		r := &rig{now: testStart}
		a, err := auth.New(deps(r))
		if err != nil {
			t.Fatal(err)
		}
		r.auth = a
		_, err = r.connect(secret(sharedToken, ""), scopes("operator.read"), func(a *auth.Attempt) {
			a.Params.Device = &wire.Device{ID: id, PublicKey: key, Signature: sig, Nonce: nonce, SignedAt: r.now.UnixMilli() + skew}
		})
		if err == nil {
			t.Fatal("let in")
		}
	})
}
