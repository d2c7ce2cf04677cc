package auth

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// MaxSkew is how far a device's clock may be off.
const MaxSkew = 10 * time.Minute

// device is a device that has proved to hold its key.
type device struct {
	id  string
	key ed25519.PublicKey
}

// verifier checks what devices sign. Its only state is the signatures that must not come again.
type verifier struct {
	mode    Mode
	now     func() time.Time
	replays *replays
}

// identify checks the device's proof, or decides whether the client may come without one.
func (v *verifier) identify(t Attempt, k ask) (*device, error) {
	d := t.Params.Device
	if d == nil {
		return nil, v.withoutDevice(t, k)
	}
	key, err := publicKey(d.PublicKey)
	if err != nil {
		return nil, err
	}
	if wire.DeviceID(key) != d.ID {
		return nil, refuse("device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH")
	}
	now := v.now()
	if skew := now.Sub(time.UnixMilli(d.SignedAt)); skew > MaxSkew || skew < -MaxSkew {
		return nil, refuse("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED")
	}
	switch {
	case d.Nonce == "" && (!t.Local || t.Protocol >= wire.Protocol4):
		return nil, refuse("device nonce required", "DEVICE_AUTH_NONCE_REQUIRED")
	case d.Nonce != "" && d.Nonce != t.Nonce:
		return nil, refuse("device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH")
	}
	sig := decode64(d.Signature)
	if !verified(key, sig, t.Params, k) {
		return nil, refuse("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID")
	}
	// Only a payload without the challenge's nonce can be played again.
	if d.Nonce == "" && !v.replays.first(string(sig)) {
		return nil, refuse("device signature invalid: it was used before: sign a new one", "DEVICE_AUTH_SIGNATURE_INVALID")
	}
	return &device{d.ID, key}, nil
}

// withoutDevice decides about a client without device: with a secret, an operator may do without.
func (v *verifier) withoutDevice(t Attempt, k ask) error {
	p := t.Params
	if p.Client.ControlUI() {
		return rpc.WithDetails(wit.NewError(wit.CodeInvalid, "control ui requires HTTPS or localhost (secure context)"),
			map[string]any{"code": "CONTROL_UI_DEVICE_IDENTITY_REQUIRED"})
	}
	open := v.mode.open(t.Local)
	secretly := p.Auth != nil && (p.Auth.Token != "" || p.Auth.Password != "")
	if (!secretly && !open) || (k.role == wire.RoleNode && t.Protocol >= wire.Protocol4) {
		return rpc.WithDetails(wire.WithCode(wit.NewError(wit.CodeUnauthorized, "device identity required"), wire.NotPaired),
			map[string]any{"code": "DEVICE_IDENTITY_REQUIRED"})
	}
	return nil
}

func refuse(text, code string) error {
	return rpc.WithDetails(wit.NewError(wit.CodeInvalid, text), map[string]any{"code": code})
}

// verified tries the payloads that fit what the client sent.
func verified(key ed25519.PublicKey, sig []byte, p wire.ConnectParams, k ask) bool {
	for _, scopes := range k.signed {
		s := wire.Signed{
			DeviceID: p.Device.ID, Client: p.Client, Role: string(k.role), Scopes: scopes,
			SignedAt: p.Device.SignedAt, Token: p.Auth.Signed(), Nonce: p.Device.Nonce,
		}
		for _, version := range versions(s) {
			if ed25519.Verify(key, []byte(s.Payload(version)), sig) {
				return true
			}
		}
	}
	return false
}

// versions are the payloads that may have been signed.
func versions(s wire.Signed) []int {
	if s.Nonce == "" {
		return []int{1}
	}
	return []int{3, 2}
}

// publicKey reads a raw key in base64 or a PEM block, and refuses those for which a signature proves nothing.
func publicKey(s string) (ed25519.PublicKey, error) {
	var raw []byte
	if block, _ := pem.Decode([]byte(s)); block != nil {
		if parsed, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			raw, _ = parsed.(ed25519.PublicKey)
		}
	} else {
		raw = decode64(s)
	}
	if len(raw) != ed25519.PublicKeySize || smallOrder(raw) {
		return nil, refuse("device public key invalid", "DEVICE_AUTH_PUBLIC_KEY_INVALID")
	}
	return raw, nil
}

// decode64 reads base64url without padding, or standard base64 with or without. It returns nil for what is neither.
func decode64(s string) []byte {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
