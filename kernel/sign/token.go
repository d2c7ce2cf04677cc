package sign

import (
	"encoding/base64"
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// Token makes a JSON Web Token in its compact form (RFC 7519), signed by rsa-sha256, es256 or ed25519. keyID may be "".
// Errors are Sign's.
func Token(a wit.SignatureAlgorithm, key, keyID string, claims any) (string, error) {
	header := struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid,omitempty"`
	}{"RS256", "JWT", keyID}
	switch a {
	case wit.SignatureAlgorithmES256:
		header.Algorithm = "ES256"
	case wit.SignatureAlgorithmEd25519:
		header.Algorithm = "EdDSA"
	}
	text := ""
	for _, part := range []any{header, claims} {
		b, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		text += base64.RawURLEncoding.EncodeToString(b) + "."
	}
	text = text[:len(text)-1]
	signature, err := Sign(a, key, wit.KeyEncodingText, []byte(text))
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
