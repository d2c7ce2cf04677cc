package sign_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSigV4: the requests that AWS publishes with their signatures, in its suite for implementers and in the user guides of
// IAM and S3.
func TestSigV4(t *testing.T) {
	suite := sign.Keys{Access: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: "service"}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	iam := suite
	iam.Service = "iam"
	s3 := sign.Keys{Access: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: "s3"}
	s3At := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	form := []sign.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}
	const host = "example.amazonaws.com"
	for name, c := range map[string]struct {
		request sign.Request
		keys    sign.Keys
		at      time.Time
		body    string
		names   string
		want    string
	}{
		"get-vanilla":                      {sign.Request{Method: "GET", Host: host, Path: "/"}, suite, at, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"get-vanilla-query-order-key-case": {sign.Request{Method: "GET", Host: host, Path: "/", Query: "Param2=value2&Param1=value1"}, suite, at, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"post-vanilla":                     {sign.Request{Method: "POST", Host: host, Path: "/"}, suite, at, "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		"post-vanilla-query":               {sign.Request{Method: "POST", Host: host, Path: "/", Query: "Param1=value1"}, suite, at, "", "host;x-amz-date", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
		"post-x-www-form-urlencoded":       {sign.Request{Method: "POST", Host: host, Path: "/", Headers: form}, suite, at, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		"IAM, ListUsers": {sign.Request{Method: "GET", Host: "iam.amazonaws.com", Path: "/", Query: "Action=ListUsers&Version=2010-05-08",
			Headers: []sign.Header{{Name: "content-type", Value: "application/x-www-form-urlencoded; charset=utf-8"}}}, iam, at, "", "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		"S3, GET object": {sign.Request{Method: "GET", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt", Headers: []sign.Header{{Name: "Range", Value: "bytes=0-9"}}},
			s3, s3At, "", "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		"S3, PUT object": {sign.Request{Method: "PUT", Host: "examplebucket.s3.amazonaws.com", Path: "/test%24file.text",
			Headers: []sign.Header{{Name: "Date", Value: "Fri, 24 May 2013 00:00:00 GMT"}, {Name: "x-amz-storage-class", Value: "REDUCED_REDUNDANCY"}}},
			s3, s3At, "Welcome to Amazon S3.", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		"S3, GET bucket lifecycle": {sign.Request{Method: "GET", Host: "examplebucket.s3.amazonaws.com", Path: "/", Query: "lifecycle"},
			s3, s3At, "", "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		"S3, GET bucket": {sign.Request{Method: "GET", Host: "examplebucket.s3.amazonaws.com", Path: "/", Query: "max-keys=2&prefix=J"},
			s3, s3At, "", "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		c.request.Digest = sha256.Sum256([]byte(c.body))
		got := sign.SigV4(c.request, c.keys, c.at)
		last := got[len(got)-1]
		if last.Name != "Authorization" || !strings.HasSuffix(last.Value, "SignedHeaders="+c.names+", Signature="+c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	session := suite
	session.Session = "token"
	got := sign.SigV4(sign.Request{Method: "GET", Host: host, Path: "/a%3Ab", Headers: []sign.Header{{Name: "X-A", Value: " 1  2 "}, {Name: "x-a", Value: "3"}}}, session, at)
	if len(got) != 3 || got[1] != (sign.Header{Name: "X-Amz-Security-Token", Value: "token"}) || !strings.Contains(got[2].Value, "SignedHeaders=host;x-a;x-amz-date;x-amz-security-token,") {
		t.Errorf("%+v", got)
	}
}

func block(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// TestSign: each algorithm's signature is what the standard library verifies, and the same again where that is promised.
func TestSign(t *testing.T) {
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, err3 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	public, edKey, err4 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		return block(t, "PRIVATE KEY", der, err)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	ec := block(t, "EC PRIVATE KEY", sec1, err)
	data := []byte("what is signed")
	sum := sha256.Sum256(data)
	for name, c := range map[string]struct {
		algorithm wit.SignatureAlgorithm
		key       string
		good      func(signature []byte) bool
	}{
		"RSA":    {wit.SignatureAlgorithmRSASHA256, pkcs8(rsaKey), func(s []byte) bool { return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, sum[:], s) == nil }},
		"RSA, 1": {wit.SignatureAlgorithmRSASHA256, block(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), func(s []byte) bool { return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, sum[:], s) == nil }},
		"RSA, PSS": {wit.SignatureAlgorithmRSAPSSSHA256, pkcs8(rsaKey), func(s []byte) bool {
			return rsa.VerifyPSS(&rsaKey.PublicKey, crypto.SHA256, sum[:], s, &rsa.PSSOptions{SaltLength: 32}) == nil
		}},
		"ES256": {wit.SignatureAlgorithmES256, pkcs8(ecKey), func(s []byte) bool {
			return len(s) == 64 && ecdsa.Verify(&ecKey.PublicKey, sum[:], new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:]))
		}},
		"ES256, 1": {wit.SignatureAlgorithmES256, strings.ReplaceAll(ec, "\n", `\n`), func(s []byte) bool {
			return len(s) == 64 && ecdsa.Verify(&ecKey.PublicKey, sum[:], new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:]))
		}},
		"Ed25519":   {wit.SignatureAlgorithmEd25519, pkcs8(edKey), func(s []byte) bool { return ed25519.Verify(public, data, s) }},
		"HMAC-256":  {wit.SignatureAlgorithmHMACSHA256, "key", func(s []byte) bool { return len(s) == 32 }},
		"HMAC-512":  {wit.SignatureAlgorithmHMACSHA512, "key", func(s []byte) bool { return len(s) == 64 }},
		"HMAC-SHA1": {wit.SignatureAlgorithmHMACSHA1, "key", func(s []byte) bool { return len(s) == 20 }},
	} {
		first, err := sign.Sign(c.algorithm, c.key, "", data)
		if err != nil || !c.good(first) {
			t.Errorf("%s: %x, %v", name, first, err)
		}
		again, _ := sign.Sign(c.algorithm, c.key, "", data)
		if (string(first) == string(again)) != sign.Deterministic(c.algorithm) {
			t.Errorf("%s: the same again: %t", name, string(first) == string(again))
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	for name, c := range map[string]struct {
		algorithm wit.SignatureAlgorithm
		key, says string
		encoding  wit.KeyEncoding
	}{
		"a small RSA key":       {wit.SignatureAlgorithmRSASHA256, pkcs8(small), "1024 bits", ""},
		"another curve":         {wit.SignatureAlgorithmES256, pkcs8(other), "not one for es256", ""},
		"another kind":          {wit.SignatureAlgorithmEd25519, pkcs8(rsaKey), "not one for ed25519", ""},
		"RSA for PKCS by EC":    {wit.SignatureAlgorithmRSASHA256, ec, "not one for rsa_sha256", ""},
		"no PEM":                {wit.SignatureAlgorithmES256, "hunter2-hunter2", "-----BEGIN", ""},
		"damaged":               {wit.SignatureAlgorithmES256, strings.Replace(ec, "M", "N", 3), "damaged", ""},
		"a certificate":         {wit.SignatureAlgorithmES256, strings.ReplaceAll(ec, "EC PRIVATE KEY", "CERTIFICATE"), "CERTIFICATE", ""},
		"encrypted":             {wit.SignatureAlgorithmES256, strings.ReplaceAll(ec, "EC PRIVATE", "ENCRYPTED PRIVATE"), "passphrase", ""},
		"an unknown algorithm":  {"rot13", ec, "not one for rot13", ""},
		"a key that is no hex":  {wit.SignatureAlgorithmHMACSHA256, "hunter2-hunter2", "not written in hex", wit.KeyEncodingHex},
		"a key that is no text": {wit.SignatureAlgorithmHMACSHA256, "whsec_", "not written in base64", wit.KeyEncodingBase64},
	} {
		_, err := sign.Sign(c.algorithm, c.key, c.encoding, data)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestPublishedSignatures: RFC 4231, case 2, and RFC 8032, section 7.1, test 2, whose keys are put into the form that is
// taken.
func TestPublishedSignatures(t *testing.T) {
	seed, _ := hex.DecodeString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	for name, c := range map[string]struct {
		algorithm  wit.SignatureAlgorithm
		key        string
		encoding   wit.KeyEncoding
		data, want string
	}{
		"HMAC-SHA-256": {wit.SignatureAlgorithmHMACSHA256, "Jefe", "", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"in hex":       {wit.SignatureAlgorithmHMACSHA256, "4a656665", wit.KeyEncodingHex, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"in base64":    {wit.SignatureAlgorithmHMACSHA256, "k_SmVmZQ==", wit.KeyEncodingBase64, "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		"HMAC-SHA-512": {wit.SignatureAlgorithmHMACSHA512, "Jefe", "", "what do ya want for nothing?",
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
		"Ed25519": {wit.SignatureAlgorithmEd25519, block(t, "PRIVATE KEY", der, err), "", "\x72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	} {
		got, err := sign.Sign(c.algorithm, c.key, c.encoding, []byte(c.data))
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}
