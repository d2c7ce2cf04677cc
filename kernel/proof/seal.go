package proof

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// opened is a verdict with what a recipe's seal hides, and with the answer to a challenge that comes as a call.
//
// Only a body that is proven is opened for the plugin. One that is not proven may still be a challenge; whatever else it turns out
// to be, and wherever it cannot be opened, it is refused with the same status, so that nobody can learn from the answers what is in
// a sealed body.
func (c *Checker) opened(ctx context.Context, o Owner, facts *wit.WebhookFacts, r *http.Request, v *Verdict, body []byte) *Verdict {
	asks := facts.Challenge != nil && facts.Challenge.Call != nil && r.Method == http.MethodPost
	unproven := v.Status == http.StatusUnauthorized && asks
	if v.Status != 0 && !unproven || facts.Sealed == nil && !asks {
		return v
	}
	if !unproven {
		body = v.Body
	}
	plain, err := unsealed(ctx, o, facts.Sealed, body)
	if unproven && err != nil {
		return v
	}
	if err != nil {
		return instead(ctx, v, closedOrRefused(err))
	}
	if asks {
		if answer := called(ctx, o, facts.Challenge, plain); answer != nil {
			return instead(ctx, v, answer)
		}
	}
	if !unproven {
		v.Body = plain
	}
	return v
}

// instead is a verdict in place of one by which the call would have been handed over, which is over thereby.
func instead(ctx context.Context, v, now *Verdict) *Verdict {
	if v.Status == 0 {
		_ = v.Concluded(ctx, false) // nothing was done that must not be done again
	}
	return now
}

// called is the answer to a challenge that comes as a call, nil for what is none.
func called(ctx context.Context, o Owner, facts *wit.WebhookChallenge, body []byte) *Verdict {
	kind, value, _ := strings.Cut(*facts.Call, "=")
	if said, ok := bodyField(kind, http.Header{}, body); !ok || said != value {
		return nil
	}
	secret, _ := o.Credential(ctx, facts.Credential)
	token, _ := bodyField(facts.Token, http.Header{}, body)
	answer, _ := bodyField(facts.Answer, http.Header{}, body)
	switch {
	case secret == "":
		return closed("there is no credential " + facts.Credential + " to answer its challenge")
	case !same(token, secret):
		return refuse("its challenge has another token")
	case len(answer) > maxAnswer:
		return refuse("its challenge is longer than any that is answered")
	}
	text, _ := json.Marshal(map[string]string{facts.Answer: answer}) // two texts
	return &Verdict{Status: http.StatusOK, Text: string(text), JSON: true}
}

// unsealed is what a seal hides; without one, the body. Its errors are phrases, a configuration where they are the owner's.
func unsealed(ctx context.Context, o Owner, facts *wit.WebhookSeal, body []byte) ([]byte, error) {
	if facts == nil {
		return body, nil
	}
	secret, _ := o.Credential(ctx, facts.Credential)
	if secret == "" {
		return nil, configuration("there is no credential " + facts.Credential + " to decrypt it")
	}
	text, ok := bodyField(facts.Field, http.Header{}, body)
	if !ok {
		return nil, errors.New("it is not encrypted")
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, errCannotOpen
	}
	key := sha256.Sum256([]byte(secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, errCannotOpen
	}
	plain := sealed[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(plain, plain)
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errCannotOpen
	}
	return plain[:len(plain)-n], nil
}

var errCannotOpen = errors.New("it was not encrypted with the credential that there is")
