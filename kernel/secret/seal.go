package secret

import (
	"crypto/rand"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/carapace-gateway/carapace/wit"
)

// sealVersion is the first byte of what seal makes.
const sealVersion = 1

// seal returns version, nonce and ciphertext. The result opens only under the same key and name.
// The nonce is random: with 24 bytes none comes twice. The name is authenticated and not stored.
func seal(key []byte, name string, value []byte) []byte {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // the key's length is fixed
	}
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(value)+aead.Overhead())
	out[0] = sealVersion
	_, _ = rand.Read(out[1:]) // it never fails
	return aead.Seal(out, out[1:], value, associated(name))
}

// unseal fails with CodeInvalid if the box was made under another key or name, or was changed.
func unseal(key []byte, name string, box []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err)
	}
	if len(box) < 1+aead.NonceSize() || box[0] != sealVersion {
		return nil, wit.NewError(wit.CodeInvalid, "secret: the stored bytes are not a sealed value of this version")
	}
	nonce := box[1 : 1+aead.NonceSize()]
	value, err := aead.Open(nil, nonce, box[1+aead.NonceSize():], associated(name))
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "secret: the stored bytes cannot be decrypted")
	}
	return value, nil
}

// Key returns a key for something else that is to be kept from being read or forged, always the same for a purpose, also
// after Rekey. Whoever has it does not have the vault's own.
func (v *Vault) Key(purpose string) []byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.root.Key(purpose)
}

// associated keeps the values of this package apart from whatever else may be sealed under the key.
func associated(name string) []byte { return []byte("carapace secret 1\x00" + name) }
