package sdktest_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSign: the test host signs by every algorithm, with keys as an owner enters them.
func TestSign(t *testing.T) {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	host := &sdktest.Host{Credentials: map[string]string{"text": "Jefe", "hex": "4a656665", "base64": "k_SmVmZQ=="}}
	for name, key := range map[string]any{"rsa": rsaKey, "ec": ecKey, "ed": edKey} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		host.Credentials[name] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for i, c := range []struct {
		s    wit.Signing
		size int
	}{
		{wit.Signing{Key: "text"}, 32}, {wit.Signing{Key: "hex", KeyEncoding: wit.KeyEncodingHex}, 32}, {wit.Signing{Key: "base64", KeyEncoding: wit.KeyEncodingBase64}, 32},
		{wit.Signing{Key: "text", Algorithm: wit.SignatureAlgorithmHMACSHA512}, 64}, {wit.Signing{Key: "text", Algorithm: wit.SignatureAlgorithmHMACSHA1}, 20},
		{wit.Signing{Key: "rsa", Algorithm: wit.SignatureAlgorithmRSASHA256}, 256}, {wit.Signing{Key: "rsa", Algorithm: wit.SignatureAlgorithmRSAPSSSHA256}, 256},
		{wit.Signing{Key: "ec", Algorithm: wit.SignatureAlgorithmES256}, 64}, {wit.Signing{Key: "ed", Algorithm: wit.SignatureAlgorithmEd25519}, 64},
	} {
		c.s.Text = new("what do ya want for nothing?")
		signature, err := host.SDK().Sign(&c.s)
		if err != nil || len(signature) != c.size {
			t.Errorf("%+v: %x, %v", c.s, signature, err)
		}
		// RFC 4231, case 2
		if want := "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"; i < 3 && hex.EncodeToString(signature) != want {
			t.Errorf("%+v: %x", c.s, signature)
		}
	}
	for key, want := range map[string]wit.Code{"none": wit.CodeUnauthorized, "text": wit.CodeInvalid} {
		if _, err := host.SDK().Sign(&wit.Signing{Key: key, Algorithm: wit.SignatureAlgorithmES256, Text: new("x")}); wit.CodeOf(err) != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}
