package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// maxPart keeps a key of four parts within the store's 512 bytes.
const maxPart = 120

// key joins parts to a store key that no other parts give. What is too long goes in by its hash.
func key(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		e := url.PathEscape(p)
		if len(e) > maxPart {
			sum := sha256.Sum256([]byte(p))
			e = "%%" + hex.EncodeToString(sum[:])
		}
		escaped[i] = e
	}
	return strings.Join(escaped, "/")
}
