package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"unicode/utf8"
)

// secret is a hash of a shared secret. The zero secret is nothing's.
type secret [sha256.Size]byte

func newSecret(s string) secret { return sha256.Sum256([]byte(s)) }

// matches compares in a time that depends on neither content nor length of the secret.
func (s secret) matches(given string) bool {
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(s[:], sum[:]) == 1
}

// What a secret must have that nobody finds by trying, some thousand times a second for as long as they like: so many
// characters, and different ones. A token is made by a program as a rule; people make passwords of words and years, so
// that those need more.
const (
	minToken     = 16
	minPassword  = 24
	minDifferent = 8
)

// guessable reports whether a secret of so many characters at least may be found by trying. It knows no dictionary.
func guessable(s string, least int) bool {
	different := map[rune]bool{}
	for _, c := range s {
		different[c] = true
	}
	return utf8.RuneCountInString(s) < least || len(different) < minDifferent
}

// random is 256 bits in base64url.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
