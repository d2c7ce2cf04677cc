package sdktest_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestScram: the logins that RFC 7677, section 3, and RFC 5802, section 5, publish.
func TestScram(t *testing.T) {
	host := (&sdktest.Host{Credentials: map[string]string{"key": "pencil"}}).SDK()
	for hash, c := range map[wit.ScramHash]struct{ first, challenge, last, outcome string }{
		wit.ScramHashSHA256: {"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
		wit.ScramHashSHA1: {"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	} {
		login := wit.ScramLogin{Password: "key", User: "user", Hash: hash, First: &c.first, Challenge: &c.challenge}
		if got, err := host.Scram(&login); err != nil || got != c.last {
			t.Errorf("%s: %q, %v", hash, got, err)
		}
		login.Outcome = &c.outcome
		if got, err := host.Scram(&login); err != nil || got != "" {
			t.Errorf("%s: %q, %v", hash, got, err)
		}
		login.Outcome = &c.last
		if _, err := host.Scram(&login); wit.CodeOf(err) != wit.CodeUnauthorized {
			t.Errorf("%s, another outcome: %v", hash, err)
		}
	}
	if got, err := host.Scram(&wit.ScramLogin{Password: "key", User: "a,b="}); err != nil || got != "n,,n=a=2Cb=3D,r=a-nonce-of-the-test-host" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := host.Scram(&wit.ScramLogin{Password: "none"}); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("a credential that is not set: %v", err)
	}
}
