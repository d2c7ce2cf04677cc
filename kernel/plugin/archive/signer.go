package archive

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Signer is somebody's public key, as a text of one line: "ed25519:" and the key in unpadded base64url.
type Signer string

const signerPrefix = "ed25519:"

// SignerOf is a public key as a text.
func SignerOf(key ed25519.PublicKey) Signer {
	return Signer(signerPrefix + base64.RawURLEncoding.EncodeToString(key))
}

// ParseSigner reads what SignerOf wrote. Errors: CodeInvalid.
func ParseSigner(text string) (Signer, error) {
	s := Signer(strings.TrimSpace(text))
	if s.key() == nil {
		return "", wit.Errorf(wit.CodeInvalid, "%.80q is no public key of a signer: it is ed25519: and 43 letters, as `carapace plugins keygen` prints it", text)
	}
	return s, nil
}

// key is nil for a text that is no key, or not written as SignerOf does.
func (s Signer) key() ed25519.PublicKey {
	text, ok := strings.CutPrefix(string(s), signerPrefix)
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize || SignerOf(key) != s {
		return nil
	}
	return key
}

// Verify reports whether the signer has signed a message.
func (s Signer) Verify(message, signature []byte) bool {
	key := s.key()
	return key != nil && ed25519.Verify(key, message, signature)
}

// keyBlock is the kind of a PEM block with a private key in PKCS #8 (RFC 7468), as other programs read and write it.
const keyBlock = "PRIVATE KEY"

// GenerateKey makes a key to sign with: the text of the file that it is kept in, and its public side.
func GenerateKey() (file []byte, public Signer, err error) {
	key, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), SignerOf(key), nil
}

// ParseKey reads the file of a key that GenerateKey made, or another program. Errors: CodeInvalid, without what is in it.
func ParseKey(file []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(file)
	if block == nil || block.Type != keyBlock {
		return nil, wit.NewError(wit.CodeInvalid, "this is no file of a private key: make one with `carapace plugins keygen`")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, wit.NewError(wit.CodeInvalid, "the private key is not of the kind Ed25519: make one with `carapace plugins keygen`")
	}
	return private, nil
}
