//go:build !wasip1

package sdktest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
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

// credentialSign signs as the kernel does, with private keys in PKCS #8 only.
func (h *Host) credentialSign(s *wit.Signing) (*wit.Signature, error) {
	key, ok := h.Credentials[s.Key]
	if !ok {
		return nil, wit.Errorf(wit.CodeUnauthorized, "credential %s is not set", s.Key)
	}
	data := s.Bytes
	if s.Text != nil {
		data = []byte(*s.Text)
	}
	if algorithm := map[wit.SignatureAlgorithm]func() hash.Hash{
		"": sha256.New, wit.SignatureAlgorithmHMACSHA256: sha256.New, wit.SignatureAlgorithmHMACSHA512: sha512.New, wit.SignatureAlgorithmHMACSHA1: sha1.New,
	}[s.Algorithm]; algorithm != nil {
		return mac(algorithm, key, s.KeyEncoding, data)
	}
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return nil, wit.Errorf(wit.CodeInvalid, "credential %s is no private key in PEM", s.Key)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "credential %s is no private key in PKCS #8: %w", s.Key, err)
	}
	signature, err := signed(s.Algorithm, private, data)
	return &wit.Signature{Bytes: signature}, err
}

func mac(algorithm func() hash.Hash, key string, encoding wit.KeyEncoding, data []byte) (*wit.Signature, error) {
	secret, err := []byte(key), error(nil)
	switch encoding {
	case wit.KeyEncodingHex:
		secret, err = hex.DecodeString(key)
	case wit.KeyEncodingBase64:
		secret, err = base64.StdEncoding.DecodeString(key[strings.LastIndexByte(key, '_')+1:])
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the key is not written in %s", encoding)
	}
	m := hmac.New(algorithm, secret)
	m.Write(data)
	return &wit.Signature{Bytes: m.Sum(nil)}, nil
}

func signed(algorithm wit.SignatureAlgorithm, private any, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	switch key := private.(type) {
	case *rsa.PrivateKey:
		if algorithm == wit.SignatureAlgorithmRSAPSSSHA256 {
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(key, data), nil
	case *ecdsa.PrivateKey:
		der, err := key.Sign(nil, sum[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		var parts struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &parts); err != nil {
			return nil, err
		}
		return append(parts.R.FillBytes(make([]byte, 32)), parts.S.FillBytes(make([]byte, 32))...), nil
	}
	return nil, wit.Errorf(wit.CodeInvalid, "the key is not one for %s", algorithm)
}
