package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Signed is what a device signs.
type Signed struct {
	DeviceID string
	Client   Client
	Role     string
	Scopes   []string
	// SignedAt is in Unix milliseconds.
	SignedAt int64
	Token    string
	Nonce    string
}

// Payload returns the string that is signed in version 1 (without nonce), 2 or 3.
func (s Signed) Payload(version int) string {
	fields := []string{
		"v" + strconv.Itoa(version), s.DeviceID, s.Client.ID, s.Client.Mode, s.Role,
		strings.Join(s.Scopes, ","), strconv.FormatInt(s.SignedAt, 10), s.Token,
	}
	if version >= 2 {
		fields = append(fields, s.Nonce)
	}
	if version >= 3 {
		fields = append(fields, lower(s.Client.Platform), lower(s.Client.DeviceFamily))
	}
	return strings.Join(fields, "|")
}

// lower trims and lowers ASCII letters only, as the signing clients do.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(s))
}

// DeviceID returns the id of a device with this key: the hex SHA-256 of its 32 bytes.
func DeviceID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}
