package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// The spaces in the store: paired devices by device id, requests by request id.
const (
	devices  store.Table[paired]  = "auth.devices"
	requests store.Table[Request] = "auth.requests"
)

// Bounds of what peers can make the gateway keep.
const (
	maxDevices  = 1000
	maxRequests = 64
	// RequestTTL is how long a pairing request waits for the owner.
	RequestTTL = 5 * time.Minute
	// TokenTTL is a device token's life; it is renewed at a connect in its last TokenRenewal.
	TokenTTL     = 90 * 24 * time.Hour
	TokenRenewal = 14 * 24 * time.Hour
)

// Device is what is known of a device that the owner has let in. Times are Unix milliseconds.
type Device struct {
	// DeviceID is the hex SHA-256 of the raw public key.
	DeviceID     string `json:"deviceId"`
	PublicKey    string `json:"publicKey"`
	DisplayName  string `json:"displayName,omitempty"`
	Platform     string `json:"platform,omitempty"`
	DeviceFamily string `json:"deviceFamily,omitempty"`
	ClientID     string `json:"clientId,omitempty"`
	ClientMode   string `json:"clientMode,omitempty"`
	// Role is the one that was approved last, Roles are all.
	Role         wire.Role    `json:"role"`
	Roles        []wire.Role  `json:"roles"`
	Scopes       []wire.Scope `json:"scopes,omitempty"`
	RemoteIP     string       `json:"remoteIp,omitempty"`
	CreatedAtMs  int64        `json:"createdAtMs"`
	ApprovedAtMs int64        `json:"approvedAtMs"`
}

// paired is a device and its tokens.
type paired struct {
	Device
	Tokens []token `json:"tokens"`
}

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

// Request is a device that waits for the owner's word. Ts is Unix milliseconds.
type Request struct {
	RequestID     string       `json:"requestId"`
	DeviceID      string       `json:"deviceId"`
	PublicKey     string       `json:"publicKey"`
	DisplayName   string       `json:"displayName,omitempty"`
	Platform      string       `json:"platform,omitempty"`
	DeviceFamily  string       `json:"deviceFamily,omitempty"`
	ClientID      string       `json:"clientId,omitempty"`
	ClientMode    string       `json:"clientMode,omitempty"`
	BrowserOrigin string       `json:"browserOrigin,omitempty"`
	Role          wire.Role    `json:"role"`
	Roles         []wire.Role  `json:"roles"`
	Scopes        []wire.Scope `json:"scopes"`
	RemoteIP      string       `json:"remoteIp,omitempty"`
	Silent        bool         `json:"silent,omitempty"`
	// IsRepair says that the device is paired already and asks for more.
	IsRepair bool  `json:"isRepair,omitempty"`
	Ts       int64 `json:"ts"`
}

func (r Request) expired(now time.Time) bool {
	return now.Sub(time.UnixMilli(r.Ts)) > RequestTTL
}

func (t token) alive(now time.Time) bool {
	return t.RevokedAtMs == 0 && now.UnixMilli() < t.ExpiresAtMs
}

// live returns the device's token with this text, or nil.
func (p *paired) live(text string, now time.Time) *token {
	if text == "" {
		return nil
	}
	hash := hashed(text)
	for i := range p.Tokens {
		t := &p.Tokens[i]
		if subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hash)) == 1 && t.alive(now) {
			return t
		}
	}
	return nil
}

// current returns the token that a role is given at connect, or nil.
func (p *paired) current(role wire.Role) *token {
	for i := range p.Tokens {
		if t := &p.Tokens[i]; t.Role == role && !t.Superseded {
			return t
		}
	}
	return nil
}

// allows reports whether the device was approved for this.
func (p *paired) allows(k ask) bool {
	return slices.Contains(p.Roles, k.role) && (k.role != wire.RoleOperator || covers(p.Scopes, k.scopes))
}

// covers reports whether granted satisfies every wanted scope.
func covers(granted, wanted []wire.Scope) bool {
	for _, w := range wanted {
		if !slices.Contains(granted, w) && !wire.Allows(wire.RoleOperator, granted, w) {
			return false
		}
	}
	return true
}

func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// plain derives a token's text.
func (a *Auth) plain(deviceID string, t *token) string {
	m := hmac.New(sha256.New, a.key[:])
	m.Write([]byte("device-token|" + deviceID + "|" + string(t.Role) + "|" + t.Salt))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// mint replaces the role's current token. keep lets the old one work until its end.
func (a *Auth) mint(p *paired, role wire.Role, scopes []wire.Scope, keep bool) *token {
	now := a.now()
	fresh := token{
		Role: role, Scopes: slices.Clone(scopes), Salt: random(),
		CreatedAtMs: now.UnixMilli(), ExpiresAtMs: now.Add(TokenTTL).UnixMilli(),
	}
	if fresh.Scopes == nil {
		fresh.Scopes = []wire.Scope{}
	}
	fresh.Hash = hashed(a.plain(p.DeviceID, &fresh))
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
