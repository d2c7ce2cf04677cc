package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// maxToken bounds a JSON Web Token.
const maxToken = 8 << 10

// token checks a JSON Web Token that a call carries (RFC 7519).
func (c *Checker) token(ctx context.Context, o Owner, facts *wit.WebhookFacts, r *http.Request, body []byte) *Verdict {
	text := bearer(r.Header)
	if facts.Header != nil && *facts.Header != "" {
		text = strings.TrimPrefix(r.Header.Get(*facts.Header), "Bearer ")
	}
	t, err := parseToken(text)
	if err != nil {
		return refuse(err.Error())
	}
	// What it says is looked at before its signature, so that a stranger's token costs nobody a request.
	want := claims{issuer: o.setting(facts.JWT.Issuer), audience: o.setting(facts.JWT.Audience), leeway: leeway(facts.JWT)}
	address, _ := setting.Address(facts.JWT.Keys, o.Setting)
	if want.issuer == "" || want.audience == "" || address == "" {
		return closed("the account does not say whose tokens are taken: set the fields that the manifest's webhook names")
	}
	if err := t.says(want, time.Now()); err != nil {
		return refuse(err.Error())
	}
	if err := bound(facts.JWT.Bound, "claim", t.all, body); err != nil {
		return refuse(err.Error())
	}
	keys, err := c.keys.of(ctx, o, address, t.header.KeyID)
	if err != nil {
		return again("its issuer's keys cannot be had: " + err.Error())
	}
	signer := t.signedBy(keys)
	if signer == nil {
		return refuse("its token is not signed by its issuer")
	}
	if err := bound(facts.JWT.Bound, "key", signer.members, body); err != nil {
		return refuse(err.Error())
	}
	return &Verdict{Body: body}
}

func leeway(facts *wit.TokenFacts) time.Duration {
	if facts.Leeway == 0 {
		return wit.TokenFactsLeewayDefault * time.Millisecond
	}
	return time.Duration(facts.Leeway) * time.Millisecond
}

// token is a JSON Web Token that was read, and not yet believed.
type token struct {
	header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"`
	}
	claims struct {
		Issuer    string   `json:"iss"`
		Audience  audience `json:"aud"`
		Expires   *float64 `json:"exp"`
		NotBefore *float64 `json:"nbf"`
		IssuedAt  *float64 `json:"iat"`
	}
	all       map[string]json.RawMessage // the claims
	signed    string
	signature []byte
}

// audience is one text or a list of them.
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// errMalformed says no more: who sent it knows what it is.
var errMalformed = errors.New("it has no well-formed token")

// parseToken reads a token in its compact form (RFC 7515, section 7.1). Only algorithms with a public key are known, so
// `none` and those with a shared key are not.
func parseToken(text string) (*token, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return nil, errMalformed
	}
	t := &token{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&t.header, &t.claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			return nil, errMalformed
		}
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(claims, &t.all) != nil {
		return nil, errMalformed
	}
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil || len(t.signature) == 0 {
		return nil, errMalformed
	}
	if t.header.Critical != nil || !slices.Contains([]string{"RS256", "ES256", "EdDSA"}, t.header.Algorithm) {
		return nil, errors.New("its token is neither RS256, ES256 nor EdDSA, or has extensions")
	}
	return t, nil
}

// claims are what a token has to say.
type claims struct {
	issuer, audience string
	leeway           time.Duration
}

// says reports what of a token is not as it has to be, or nil.
func (t *token) says(want claims, now time.Time) error {
	at := func(seconds float64, shift time.Duration) time.Time { // within what a time can be
		return time.Unix(int64(min(max(seconds, 0), 1e11)), 0).Add(shift)
	}
	c := &t.claims
	switch {
	case !same(c.Issuer, want.issuer):
		return errors.New("its token is of another issuer")
	case !slices.Contains(c.Audience, want.audience):
		return errors.New("its token is for somebody else")
	case c.Expires == nil:
		return errors.New("its token does not end")
	case !now.Before(at(*c.Expires, want.leeway)):
		return errors.New("its token has ended")
	case c.NotBefore != nil && now.Before(at(*c.NotBefore, -want.leeway)), c.IssuedAt != nil && now.Before(at(*c.IssuedAt, -want.leeway)):
		return errors.New("its token is of the future")
	}
	return nil
}

// signedBy returns that of the keys which has signed the token: the one that it names, where it names one. Nil is none.
func (t *token) signedBy(keys []key) *key {
	for i := range keys {
		k := &keys[i]
		if (t.header.KeyID == "" || k.id == t.header.KeyID) && k.verifies(t.header.Algorithm, t.signed, t.signature) {
			return k
		}
	}
	return nil
}

// verifies checks a signature by an algorithm, which has to be the key's: the token's word for it does not count
// (RFC 8725, section 3.1).
func (k *key) verifies(algorithm, signed string, signature []byte) bool {
	sum := sha256.Sum256([]byte(signed))
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return algorithm == "RS256" && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		if algorithm != "ES256" || len(signature) != 64 {
			return false
		}
		return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case ed25519.PublicKey:
		return algorithm == "EdDSA" && ed25519.Verify(public, []byte(signed), signature)
	}
	return false
}
