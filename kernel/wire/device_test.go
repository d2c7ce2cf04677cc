package wire_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// The vectors were checked against a gateway of another make.
func TestSignatureVectors(t *testing.T) {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	k := ed25519.NewKeyFromSeed(seed)
	public := k.Public().(ed25519.PublicKey)
	s := wire.Signed{
		DeviceID: wire.DeviceID(public), Client: wire.Client{ID: "cli", Mode: "cli", Platform: " Linux", DeviceFamily: "LINUX "}, Role: "operator",
		Scopes: []string{"operator.admin", "operator.approvals", "operator.pairing"}, SignedAt: 1700000000000, Token: "test-token-123", Nonce: "nonce-abc",
	}
	if s.DeviceID != "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c" {
		t.Errorf("device id = %s", s.DeviceID)
	}
	if got := base64.RawURLEncoding.EncodeToString(public); got != "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" {
		t.Errorf("public key = %s", got)
	}
	for version, want := range map[int]string{
		1: "AiPiAIRLLdgFUeW7Odh4TH9RSkgjoAEngEvAqpcbMGurpU1N1n073Z6mQOdO06oI12y3Of9VPE6jgJtcjJIaCg",
		2: "G_mDB3BbT_IPuRGKfJMjl6Xp2l6wcoD6mOHcTGqkvQZ97O7esOWFV6tGGSADg9gJg3uergD9O74yJ7UKwspaDw",
		3: "KYboyoFrdYtgUM0Xw1XcCjPHhBWT91djaGcBcbfgwQ6x9nA_KHkDSM56X27eraUxPoTi7NlFSmcX5HDXUF4RDQ",
	} {
		if got := base64.RawURLEncoding.EncodeToString(ed25519.Sign(k, []byte(s.Payload(version)))); got != want {
			t.Errorf("v%d signature of %q\n= %s\nwant %s", version, s.Payload(version), got, want)
		}
	}
}
