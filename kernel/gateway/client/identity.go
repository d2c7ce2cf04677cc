package client

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// identity is a device's key.
type identity struct{ key ed25519.PrivateKey }

// loadIdentity reads the key at path (PEM, PKCS #8), or makes one there with mode 0600.
func loadIdentity(path string) (*identity, error) {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return newIdentity(path)
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the device's key %s cannot be read: %w", path, err)
	}
	if block, _ := pem.Decode(b); block != nil {
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if key, ok := k.(ed25519.PrivateKey); ok {
				return &identity{key}, nil
			}
		}
	}
	return nil, wit.Errorf(wit.CodeInvalid, "%s holds no Ed25519 key: remove it and a new device is made", path)
}

func newIdentity(path string) (*identity, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "make a device key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "make a device key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the device's key cannot be kept: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the device's key cannot be kept: %w", err)
	}
	defer os.Remove(tmp.Name())
	err = pem.Encode(tmp, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		// Two first starts at once: whoever links first is the device.
		err = os.Link(tmp.Name(), path)
	}
	if os.IsExist(err) {
		return loadIdentity(path)
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the device's key cannot be kept: %w", err)
	}
	return &identity{key}, nil
}

// sign proves the key for these parameters: with the newest payload that both protocols' gateways know.
func (i *identity) sign(p wire.ConnectParams, nonce string, now time.Time) *wire.Device {
	public := i.key.Public().(ed25519.PublicKey)
	d := &wire.Device{
		ID: wire.DeviceID(public), PublicKey: base64.RawURLEncoding.EncodeToString(public), SignedAt: now.UnixMilli(), Nonce: nonce,
	}
	version := 3
	if p.MaxProtocol < wire.Protocol4 {
		version = 2
	}
	s := wire.Signed{DeviceID: d.ID, Client: p.Client, Role: p.Role, Scopes: p.Scopes, SignedAt: d.SignedAt, Token: p.Auth.Signed(), Nonce: nonce}
	d.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(i.key, []byte(s.Payload(version))))
	return d
}
