package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// token is a device token at rest: enough to recognise it, and, with the gateway's key, to derive it.
type token struct {
	Role        wire.Role    `json:"role"`
	Scopes      []wire.Scope `json:"scopes"`
	Salt        string       `json:"salt"`
	Hash        string       `json:"hash"`
	CreatedAtMs int64        `json:"createdAtMs"`
	ExpiresAtMs int64        `json:"expiresAtMs"`
	RotatedAtMs int64        `json:"rotatedAtMs,omitempty"`
	RevokedAtMs int64        `json:"revokedAtMs,omitempty"`
	// Superseded tokens were renewed near their end; they work until it.
	Superseded bool `json:"superseded,omitempty"`
}

func (t token) alive(now time.Time) bool {
	return t.RevokedAtMs == 0 && now.UnixMilli() < t.ExpiresAtMs
}

// hashed is how a token's text is kept: it has 256 random bits, so that a plain hash cannot be guessed.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// issued is a device token as a client gets it.
type issued struct {
	plain string
	at    int64
}

// tokens makes device tokens from the gateway's key. Their texts are derived and never kept.
type tokens struct {
	key [32]byte
	now func() time.Time
}

// plain derives a token's text.
func (k tokens) plain(deviceID string, t *token) string {
	m := hmac.New(sha256.New, k.key[:])
	m.Write([]byte("device-token|" + deviceID + "|" + string(t.Role) + "|" + t.Salt))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// mint replaces the role's current token. keep lets the old one work until its end.
func (k tokens) mint(p *paired, role wire.Role, scopes []wire.Scope, keep bool) *token {
	now := k.now()
	fresh := token{
		Role: role, Scopes: slices.Clone(scopes), Salt: random(),
		CreatedAtMs: now.UnixMilli(), ExpiresAtMs: now.Add(TokenTTL).UnixMilli(),
	}
	if fresh.Scopes == nil {
		fresh.Scopes = []wire.Scope{}
	}
	fresh.Hash = hashed(k.plain(p.DeviceID, &fresh))
	if old := p.current(role); old != nil && keep && old.alive(now) {
		old.Superseded = true
	} else if old != nil {
		fresh.CreatedAtMs, fresh.RotatedAtMs = old.CreatedAtMs, now.UnixMilli()
	}
	p.Tokens = slices.DeleteFunc(p.Tokens, func(t token) bool {
		return t.Role == role && (!t.Superseded || !t.alive(now))
	})
	p.Tokens = append(p.Tokens, fresh)
	return &p.Tokens[len(p.Tokens)-1]
}

// stale reports whether a new token has to be made: none, revoked, near its end, for fewer scopes, or
// not derivable any more because the gateway's key is another one.
func (k tokens) stale(p *paired, cur *token, a ask) bool {
	now := k.now()
	return cur == nil || !cur.alive(now) || cur.ExpiresAtMs-now.UnixMilli() < TokenRenewal.Milliseconds() ||
		!covers(cur.Scopes, a.scopes) || cur.Hash != hashed(k.plain(p.DeviceID, cur))
}

// current returns the role's token as it is, ok false if it is stale.
func (k tokens) current(p *paired, a ask) (got issued, ok bool) {
	cur := p.current(a.role)
	if k.stale(p, cur, a) {
		return issued{}, false
	}
	return k.issue(p, cur), true
}

// renew gives the role a token that is not stale. The caller stores the device.
func (k tokens) renew(p *paired, a ask) issued {
	cur := p.current(a.role)
	if k.stale(p, cur, a) {
		scopes := a.scopes
		if cur != nil {
			scopes = union(cur.Scopes, scopes)
		}
		cur = k.mint(p, a.role, scopes, true)
	}
	return k.issue(p, cur)
}

func (k tokens) issue(p *paired, t *token) issued {
	return issued{k.plain(p.DeviceID, t), t.CreatedAtMs}
}
