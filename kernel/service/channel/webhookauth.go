package channel

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Credentials finds what webhooks are authenticated with.
type Credentials interface {
	// Get fails with CodeNotFound when there is none.
	Get(ctx context.Context, plugin, account, name string) (string, error)
}

// guard authenticates webhooks.
type guard struct {
	credentials Credentials
	log         hclog.Logger
}

// admit checks a webhook by the declared recipe and returns 0, or the status of the refusal.
//
// bearer compares the Authorization header with the credential, header the declared header. hmac_sha256
// and ed25519 verify the declared header's signature, in hex or base64 and behind an optional
// `name=`, over the body. Where the declaration names a second header after a comma, its value is
// signed before the body. A time there must be of the last or next five minutes, so that what somebody has read along cannot
// be played again later. Without one it can, see webhook-facts in wit/manifest.wit: what was received is not kept to
// compare with, since a platform that signs the body alone sends the same for two events that are alike.
func (g guard) admit(r *http.Request, a message.Account, facts *wit.WebhookFacts, body []byte) int {
	if facts.Auth == wit.WebhookAuthNone {
		return 0
	}
	secret := ""
	if facts.Credential != nil {
		secret, _ = g.credentials.Get(r.Context(), a.Channel, a.ID, *facts.Credential)
	}
	if secret == "" {
		g.log.Warn("webhook refused: the account has no credential to authenticate it", "account", a)
		return http.StatusForbidden
	}
	if !genuine(r.Header, facts, secret, body) {
		g.log.Warn("webhook refused: it is not authentic", "account", a)
		return http.StatusUnauthorized
	}
	return 0
}

func genuine(h http.Header, facts *wit.WebhookFacts, secret string, body []byte) bool {
	header, prefix := "", ""
	if facts.Header != nil {
		header, prefix, _ = strings.Cut(*facts.Header, ",")
	}
	switch facts.Auth {
	case wit.WebhookAuthBearer:
		token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
		return ok && same(token, secret)
	case wit.WebhookAuthHeader:
		return header != "" && same(h.Get(header), secret)
	}
	signature, ok := decode(h.Get(header))
	if !ok {
		return false
	}
	signed := body
	if prefix = strings.TrimSpace(prefix); prefix != "" {
		if !timely(h.Get(prefix), time.Now()) {
			return false
		}
		signed = append([]byte(h.Get(prefix)), body...)
	}
	switch facts.Auth {
	case wit.WebhookAuthHMACSHA256:
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), signature)
	case wit.WebhookAuthEd25519:
		key, ok := decode(secret)
		return ok && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, signature)
	}
	return false
}

// webhookWindow is how far a signed time may be off.
const webhookWindow = 5 * time.Minute

// timely reports whether a signed value is no time, or one of now.
func timely(value string, now time.Time) bool {
	at, ok := moment(value)
	if !ok {
		return value != ""
	}
	return now.Sub(at).Abs() <= webhookWindow
}

// moment reads a Unix time, in seconds (also with a fraction) or milliseconds, or a date. A number in another unit is a time
// that is far from now.
func moment(value string) (time.Time, bool) {
	if at, err := http.ParseTime(value); err == nil {
		return at, true
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at, true
	}
	whole, fraction, _ := strings.Cut(value, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	switch {
	case strings.Trim(fraction, "0123456789") != "" || err != nil && !errors.Is(err, strconv.ErrRange):
		return time.Time{}, false
	case n > 1e11: // in seconds that is the year 5138
		return time.UnixMilli(n), true
	}
	return time.Unix(n, 0), true
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// decode reads hex or base64, behind an optional `name=`.
func decode(s string) ([]byte, bool) {
	s = strings.TrimSpace(s)
	if name, rest, ok := strings.Cut(s, "="); ok && rest != "" && len(name) <= 8 && strings.Trim(rest, "=") != "" {
		s = rest
	}
	if b, err := hex.DecodeString(s); err == nil && len(b) > 0 {
		return b, true
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) > 0 {
		return b, true
	}
	b, err := base64.URLEncoding.DecodeString(s)
	return b, err == nil && len(b) > 0
}
