package auth_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

func TestDeviceProofs(t *testing.T) {
	k := key(0)
	change := func(f func(*wire.Device)) option { return func(a *auth.Attempt) { f(a.Params.Device) } }
	tests := []struct {
		name    string
		options func(r *rig) []option
		want    string
	}{
		{"v3 payload", func(r *rig) []option { return []option{r.sign(k, 3)} }, "ok"},
		{"v2 payload", func(r *rig) []option { return []option{r.sign(k, 2)} }, "ok"},
		{"v2 payload in protocol 4", func(r *rig) []option { return []option{v4, r.sign(k, 2)} }, "ok"},
		{"v1 payload here", func(r *rig) []option { return []option{r.sign(k, 1)} }, "ok"},
		{"v1 payload from elsewhere", func(r *rig) []option { return []option{remote, r.sign(k, 1)} }, "device nonce required"},
		{"v1 payload in protocol 4", func(r *rig) []option { return []option{v4, r.sign(k, 1)} }, "device nonce required"},
		{"v1 payload with a nonce", func(r *rig) []option {
			return []option{r.sign(k, 1), change(func(d *wire.Device) { d.Nonce = "nonce-abc" })}
		}, "device signature invalid"},
		{"signed for another nonce", func(r *rig) []option {
			return []option{r.sign(k, 2), func(a *auth.Attempt) { a.Nonce = "other" }}
		}, "device nonce mismatch"},
		{"scopes not those signed", func(r *rig) []option {
			return []option{scopes("operator.read"), r.sign(k, 2), scopes("operator.admin")}
		}, "device signature invalid"},
		{"scopes in another order", func(r *rig) []option { return []option{scopes("a", "b"), r.sign(k, 2), scopes("b", "a")} }, "device signature invalid"},
		{"role not the one signed", func(r *rig) []option { return []option{r.sign(k, 2), node} }, "device signature invalid"},
		{"platform not the one signed", func(r *rig) []option {
			return []option{r.sign(k, 3), func(a *auth.Attempt) { a.Params.Client.Platform = "ios" }}
		}, "device signature invalid"},
		{"token not the one signed", func(r *rig) []option { return []option{secret("x", ""), r.sign(k, 2), secret(sharedToken, "")} }, "device signature invalid"},
		{"key of another device", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) { d.ID = strings.Repeat("0", 64) })}
		}, "device identity mismatch"},
		{"key of small order", func(r *rig) []option {
			zero := make(ed25519.PublicKey, 32)
			return []option{r.sign(k, 2), change(func(d *wire.Device) {
				d.PublicKey, d.ID = base64.RawURLEncoding.EncodeToString(zero), wire.DeviceID(zero)
			})}
		}, "device public key invalid"},
		{"short key", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) { d.PublicKey = "AAAA" })}
		}, "device public key invalid"},
		{"no signature", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) { d.Signature = "!" })}
		}, "device signature invalid"},
		{"signed too early", func(r *rig) []option {
			return []option{r.sign(k, 2), func(*auth.Attempt) { r.now = r.now.Add(10*time.Minute + time.Millisecond) }}
		}, "device signature expired"},
		{"signed too late", func(r *rig) []option {
			return []option{r.sign(k, 2), func(*auth.Attempt) { r.now = r.now.Add(-10*time.Minute - time.Millisecond) }}
		}, "device signature expired"},
		{"just in time, by a clock that is ahead", func(r *rig) []option {
			return []option{r.sign(k, 2), func(*auth.Attempt) { r.now = r.now.Add(-10 * time.Minute) }}
		}, "ok"},
		{"more than a signature", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) { d.Signature += "!" })}
		}, "device signature invalid"},
		{"more than a key", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) { d.PublicKey += "!" })}
		}, "device public key invalid"},
		{"just in time", func(r *rig) []option {
			return []option{r.sign(k, 2), func(*auth.Attempt) { r.now = r.now.Add(10 * time.Minute) }}
		}, "ok"},
		{"PEM key and padded signature", func(r *rig) []option {
			return []option{r.sign(k, 2), change(func(d *wire.Device) {
				der, _ := x509.MarshalPKIXPublicKey(k.Public())
				d.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
				raw, _ := base64.RawURLEncoding.DecodeString(d.Signature)
				d.Signature = base64.StdEncoding.EncodeToString(raw)
			})}
		}, "ok"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			_, err := r.connect(append([]option{secret(sharedToken, ""), scopes("operator.admin")}, tt.options(r)...)...)
			got := "ok"
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A client of protocol 3 that sends no scopes signs either none or the default.
func TestSignedDefaultScopes(t *testing.T) {
	for _, signed := range [][]string{nil, {"operator.admin"}} {
		r := newRig(t)
		r.must(secret(sharedToken, ""), scopes(signed...), r.sign(key(0), 2), scopes())
	}
}

func TestReplayWithoutNonce(t *testing.T) {
	r := newRig(t)
	var kept *wire.Device
	r.must(secret(sharedToken, ""), r.sign(key(0), 1), func(a *auth.Attempt) { kept = a.Params.Device })
	again := func(a *auth.Attempt) { a.Params.Device = kept }
	if _, err := r.connect(secret(sharedToken, ""), again); err == nil || !strings.Contains(err.Error(), "device signature invalid") {
		t.Errorf("a replay: %v", err)
	}
	// Nor under another spelling of the same signature.
	raw, _ := base64.RawURLEncoding.DecodeString(kept.Signature)
	kept.Signature = base64.StdEncoding.EncodeToString(raw)
	if _, err := r.connect(secret(sharedToken, ""), again); err == nil {
		t.Error("a replay in another encoding was accepted")
	}
	r.now = r.now.Add(time.Second)
	r.must(secret(sharedToken, ""), r.sign(key(0), 1))
}

func TestSmallOrderKeys(t *testing.T) {
	for _, s := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		raw, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t)
		_, err = r.connect(secret(sharedToken, ""), r.sign(key(0), 2), func(a *auth.Attempt) {
			a.Params.Device.PublicKey, a.Params.Device.ID = base64.RawURLEncoding.EncodeToString(raw), wire.DeviceID(raw)
		})
		if err == nil || err.Error() != "device public key invalid" {
			t.Errorf("%s: %v", s, err)
		}
	}
}
