package proof

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// maxItems bounds the items of a signature's header. What has more has none.
const maxItems = 16

// signatureItems are the items of the signature's header, without the blanks around them.
func signatureItems(facts *wit.WebhookFacts, h http.Header) []string {
	if facts.Header == nil {
		return nil
	}
	name, _, _ := strings.Cut(*facts.Header, ",")
	value := h.Get(strings.TrimSpace(name))
	if facts.Separator == nil || *facts.Separator == "" {
		return []string{strings.TrimSpace(value)}
	}
	if strings.Count(value, *facts.Separator) >= maxItems {
		return nil
	}
	items := strings.Split(value, *facts.Separator)
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// verifier is a recipe's signature with its key.
type verifier struct {
	facts *wit.WebhookFacts
	key   []byte // nil where the credential is none
}

func signatureOf(facts *wit.WebhookFacts, secret string) verifier {
	v := verifier{facts: facts}
	switch {
	case facts.Auth == wit.WebhookAuthEd25519:
		if key, ok := decodeLabelled(secret); ok && len(key) == ed25519.PublicKeySize {
			v.key = key
		}
	case facts.KeyEncoding == wit.KeyEncodingHex:
		v.key, _ = decode(secret, wit.SignatureEncodingHex)
	case facts.KeyEncoding == wit.KeyEncodingBase64:
		v.key, _ = decode(secret[strings.LastIndexByte(secret, '_')+1:], wit.SignatureEncodingBase64)
	default:
		v.key = []byte(secret)
	}
	return v
}

// any reports whether one of the items is a signature of the text.
func (v verifier) any(items []string, text []byte) bool {
	if len(v.key) == 0 {
		return false
	}
	sum, prefix := v.sum(text), ""
	if v.facts.Prefix != nil {
		prefix = *v.facts.Prefix
	}
	for _, item := range items {
		written, ok := strings.CutPrefix(item, prefix)
		if !ok {
			continue
		}
		signature, ok := v.decode(written)
		switch {
		case !ok:
		case sum != nil && hmac.Equal(sum, signature):
			return true
		case v.facts.Auth == wit.WebhookAuthEd25519 && ed25519.Verify(v.key, text, signature):
			return true
		}
	}
	return false
}

// decode reads a signature. Without a prefix or an encoding of the recipe's, it may stand behind an optional `name=`.
func (v verifier) decode(s string) ([]byte, bool) {
	if v.facts.Prefix == nil && (v.facts.Encoding == "" || v.facts.Encoding == wit.SignatureEncodingAny) {
		return decodeLabelled(s)
	}
	return decode(s, v.facts.Encoding)
}

// sum is the HMAC of the text, or its hash where that has the key in it; nil for another signature.
func (v verifier) sum(text []byte) []byte {
	var algorithm func() hash.Hash
	switch v.facts.Auth {
	case wit.WebhookAuthSHA256:
		sum := sha256.Sum256(text)
		return sum[:]
	case wit.WebhookAuthHMACSHA256:
		algorithm = sha256.New
	case wit.WebhookAuthHMACSHA1:
		algorithm = sha1.New
	case wit.WebhookAuthHMACSHA512:
		algorithm = sha512.New
	default:
		return nil
	}
	mac := hmac.New(algorithm, v.key)
	mac.Write(text)
	return mac.Sum(nil)
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer is the token in Authorization, "" where there is none: no secret is empty.
func bearer(h http.Header) string {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// decodeLabelled reads hex or base64, behind an optional `name=`.
func decodeLabelled(s string) ([]byte, bool) {
	s = strings.TrimSpace(s)
	if name, rest, ok := strings.Cut(s, "="); ok && rest != "" && len(name) <= 8 && strings.Trim(rest, "=") != "" {
		s = rest
	}
	return decode(s, wit.SignatureEncodingAny)
}

// decode reads what is written in an encoding. Nothing is no signature and no key.
func decode(s string, as wit.SignatureEncoding) ([]byte, bool) {
	s = strings.TrimSpace(s)
	tries := []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.URLEncoding.DecodeString}
	switch as {
	case wit.SignatureEncodingHex:
		tries = tries[:1]
	case wit.SignatureEncodingBase64:
		tries = tries[1:2]
	case wit.SignatureEncodingBase64url:
		s, tries = strings.TrimRight(s, "="), []func(string) ([]byte, error){base64.RawURLEncoding.DecodeString}
	}
	for _, try := range tries {
		if b, err := try(s); err == nil && len(b) > 0 {
			return b, true
		}
	}
	return nil, false
}
