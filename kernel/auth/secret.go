package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// TokenFile is the generated token's file in the state directory, for clients on this machine.
const TokenFile = "gateway.token"

const keyFile = "device-tokens.key"

// secret is a hash of a shared secret.
type secret struct {
	sum [32]byte
	set bool
}

func newSecret(s string) secret { return secret{sha256.Sum256([]byte(s)), true} }

// matches compares in a time that depends on neither content nor length of the secret.
func (s secret) matches(given string) bool {
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(s.sum[:], sum[:]) == 1 && s.set && given != ""
}

// gatewayToken returns the configured token, else the one kept in dir, else makes and keeps one.
func gatewayToken(dir, configured string) (string, error) {
	if t := strings.TrimSpace(configured); t != "" {
		return t, nil
	}
	b, err := kept(dir, TokenFile, func() []byte {
		return []byte(random() + "\n")
	})
	if err != nil {
		return "", err
	}
	t := strings.TrimSpace(string(b))
	if len(t) < 16 {
		return "", wit.Errorf(wit.CodeInvalid, "auth: %s holds no token: remove it and a new one is made", filepath.Join(dir, TokenFile))
	}
	return t, nil
}

func deviceKey(dir string) (key [32]byte, err error) {
	b, err := kept(dir, keyFile, func() []byte { return []byte(random() + "\n") })
	if err != nil {
		return key, err
	}
	return sha256.Sum256([]byte(strings.TrimSpace(string(b)))), nil
}

// random is 256 bits in base64url.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// kept reads a file of dir, or writes it, mode 0600, with what fresh makes. A file appears whole.
func kept(dir, name string, fresh func() []byte) ([]byte, error) {
	if dir == "" {
		return fresh(), nil
	}
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(b))) > 0 {
		return b, os.Chmod(path, 0o600)
	}
	if err != nil && !os.IsNotExist(err) {
		return nil, wit.Errorf(wit.CodeUnavailable, "auth: %s cannot be read: check its owner and mode: %w", path, err)
	}
	b = fresh()
	tmp, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "auth: the state directory cannot be written: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	for _, step := range []func() error{tmp.Sync, tmp.Close, func() error { return os.Rename(tmp.Name(), path) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "auth: %s cannot be written: %w", path, err)
	}
	return b, nil
}
