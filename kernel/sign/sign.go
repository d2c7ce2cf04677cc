// Package sign signs with keys that are credentials: texts for plugins, JSON Web Tokens, and requests by AWS Signature
// Version 4. Errors name what of a key cannot be used, and nothing of it. Nothing here keeps state, and everything is safe for
// concurrent use.
package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"hash"
	"math/big"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of an RSA key: a smaller one proves little, a larger one takes the processor for long.
const (
	leastRSA = 2048
	mostRSA  = 8192
)

// Deterministic reports whether an algorithm gives the same signature for the same bytes each time.
func Deterministic(a wit.SignatureAlgorithm) bool { return a != wit.SignatureAlgorithmRSAPSSSHA256 }

// Sign signs data. encoding is how the key of an HMAC is written. Errors: CodeInvalid for a key that cannot be used, and
// for an algorithm that is not known.
func Sign(a wit.SignatureAlgorithm, key string, encoding wit.KeyEncoding, data []byte) ([]byte, error) {
	switch a {
	case wit.SignatureAlgorithmHMACSHA256, "":
		return mac(sha256.New, key, encoding, data)
	case wit.SignatureAlgorithmHMACSHA512:
		return mac(sha512.New, key, encoding, data)
	case wit.SignatureAlgorithmHMACSHA1:
		return mac(sha1.New, key, encoding, data)
	}
	private, err := privateKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < leastRSA || bits > mostRSA {
			return nil, wit.Errorf(wit.CodeInvalid, "the RSA key has %d bits: use one of 2048 to 8192", bits)
		}
		switch a {
		case wit.SignatureAlgorithmRSASHA256:
			return rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
		case wit.SignatureAlgorithmRSAPSSSHA256:
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *ecdsa.PrivateKey:
		if a == wit.SignatureAlgorithmES256 && k.Curve == elliptic.P256() {
			return es256(k, sum[:])
		}
	case ed25519.PrivateKey:
		if a == wit.SignatureAlgorithmEd25519 {
			return ed25519.Sign(k, data), nil
		}
	}
	return nil, wit.Errorf(wit.CodeInvalid, "the key is not one for %s: enter another, or choose the algorithm that it is for", a)
}

// mac is an HMAC.
func mac(algorithm func() hash.Hash, key string, encoding wit.KeyEncoding, data []byte) ([]byte, error) {
	secret, err := []byte(key), error(nil)
	switch encoding {
	case wit.KeyEncodingHex:
		secret, err = hex.DecodeString(strings.TrimSpace(key))
	case wit.KeyEncodingBase64:
		secret, err = base64.StdEncoding.DecodeString(strings.TrimSpace(key[strings.LastIndexByte(key, '_')+1:]))
	}
	if err != nil || len(secret) == 0 {
		return nil, wit.Errorf(wit.CodeInvalid, "the key is not written in %s, as the plugin expects", encoding)
	}
	m := hmac.New(algorithm, secret)
	m.Write(data)
	return m.Sum(nil), nil
}

// es256 makes a signature as RFC 7518, section 3.4, has it. Without randomness it is the one of RFC 6979.
func es256(k *ecdsa.PrivateKey, sum []byte) ([]byte, error) {
	der, err := k.Sign(nil, sum, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	parts.R.FillBytes(out[:32])
	parts.S.FillBytes(out[32:])
	return out, nil
}

// privateKey reads a key in PEM. Its line ends may be written as \n, as they are in JSON that keys are handed out in.
func privateKey(text string) (any, error) {
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, `\n`, "\n")
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, wit.NewError(wit.CodeInvalid, "the key is no private key in PEM, which begins with -----BEGIN: enter all of it")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, wit.NewError(wit.CodeInvalid, "the key is protected by a passphrase: enter it without")
	default:
		return nil, wit.Errorf(wit.CodeInvalid, "the key is a %.40q: enter a private key", block.Type)
	}
	if err != nil { // its text may say something of the key
		return nil, wit.NewError(wit.CodeInvalid, "the private key is damaged: enter it again")
	}
	return key, nil
}
