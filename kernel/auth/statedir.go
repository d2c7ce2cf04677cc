package auth

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

// TokenFile is the generated token's file in the state directory, for clients on this machine.
const TokenFile = "gateway.token"

// keyFile holds what device tokens are derived from. If it is lost, tokens are still recognised by their
// hashes, and each device gets a new one at its next connect.
const keyFile = "device-tokens.key"

// maxSecret bounds the files of the folder, in bytes.
const maxSecret = 4 << 10

// stateDir is the folder of generated secrets. The empty one keeps nothing.
type stateDir string

// gatewayToken returns the configured token, else the one kept in the folder, else makes and keeps one.
//
// Errors: CodeInvalid for a file that is too short to be a token; CodeUnavailable when the folder refuses.
func (d stateDir) gatewayToken(configured string) (string, error) {
	if t := strings.TrimSpace(configured); t != "" {
		return t, nil
	}
	t, err := d.keep(TokenFile)
	if err != nil {
		return "", err
	}
	if len(t) < minToken {
		return "", wit.Errorf(wit.CodeInvalid, "auth: %s holds no token: remove it and a new one is made", filepath.Join(string(d), TokenFile))
	}
	return t, nil
}

// deviceKey returns the key of the device tokens. Errors: CodeUnavailable when the folder refuses.
func (d stateDir) deviceKey() (key [32]byte, err error) {
	text, err := d.keep(keyFile)
	if err != nil {
		return key, err
	}
	return sha256.Sum256([]byte(text)), nil
}

// keep reads a secret from a file, or makes one and writes it, mode 0600. A mode that was widened is
// narrowed again.
func (d stateDir) keep(name string) (string, error) {
	if d == "" {
		return random(), nil
	}
	path := filepath.Join(string(d), name)
	b, err := file.Read(path, maxSecret)
	if text := strings.TrimSpace(string(b)); err == nil && text != "" {
		return text, os.Chmod(path, 0o600)
	}
	if err != nil && !os.IsNotExist(err) {
		return "", wit.Errorf(wit.CodeUnavailable, "auth: %s cannot be read: check its owner and mode: %w", path, err)
	}
	text := random()
	return text, d.write(name, text+"\n")
}

// write makes a file appear whole, also through a crash: another name, synced, then renamed.
func (d stateDir) write(name, text string) error {
	path := filepath.Join(string(d), name)
	tmp, err := os.CreateTemp(string(d), name+".*")
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "auth: the state directory cannot be written: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text)
	for _, step := range []func() error{tmp.Sync, tmp.Close, func() error { return os.Rename(tmp.Name(), path) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "auth: %s cannot be written: %w", path, err)
	}
	return nil
}
