// Package scram is the server's side of a login by SCRAM (RFC 5802, RFC 7677), for the test servers of platforms that have it.
package scram

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strings"
)

const (
	salt       = "c2FsdCBvZiB0aGUgdGVzdA=="
	iterations = 4096
)

// Login is one that goes on. Its messages are in base64, as SASL has them.
type Login struct {
	// User is who logs in, once they have said so.
	User string
	// Forged has the server prove nothing.
	Forged bool

	hash                           func() hash.Hash
	password                       func(user string) string
	header, client, server, nonces string
}

// Begin returns a login by a mechanism of SASL's, nil for one that is not known. password returns a user's, or "".
func Begin(mechanism string, password func(user string) string) *Login {
	switch mechanism {
	case "SCRAM-SHA-256":
		return &Login{hash: sha256.New, password: password}
	case "SCRAM-SHA-1":
		return &Login{hash: sha1.New, password: password}
	}
	return nil
}

// Hear returns the answer to what the client says: first a challenge, then, with done, the outcome. Without ok the client is not
// who it says.
func (l *Login) Hear(said string) (answer string, done, ok bool) {
	data, err := base64.StdEncoding.DecodeString(said)
	if err != nil {
		return "", false, false
	}
	if l.client == "" {
		return l.challenge(string(data))
	}
	return l.outcome(string(data))
}

func (l *Login) challenge(first string) (string, bool, bool) {
	bare, unbound := strings.CutPrefix(first, "n,,")
	l.header = "n,,"
	if !unbound { // of a client that could bind the login to the connection
		bare, unbound = strings.CutPrefix(first, "y,,")
		l.header = "y,,"
	}
	user, nonce, hasNonce := strings.Cut(strings.TrimPrefix(bare, "n="), ",r=")
	if !unbound || !hasNonce || len(nonce) < 16 {
		return "", false, false
	}
	l.User = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(user)
	l.client, l.nonces = bare, nonce+"-and-more"
	l.server = "r=" + l.nonces + ",s=" + salt + ",i=4096"
	return encode([]byte(l.server)), false, true
}

func (l *Login) outcome(last string) (string, bool, bool) {
	without, encoded, _ := strings.Cut(last, ",p=")
	proof, err := base64.StdEncoding.DecodeString(encoded)
	password := l.password(l.User)
	bytes, _ := base64.StdEncoding.DecodeString(salt)
	if err != nil || password == "" || without != "c="+encode([]byte(l.header))+",r="+l.nonces {
		return "", true, false
	}
	salted, err := pbkdf2.Key(l.hash, password, bytes, iterations, l.hash().Size())
	if err != nil || len(proof) != len(salted) {
		return "", true, false
	}
	said := l.client + "," + l.server + "," + without
	stored := l.digest(l.mac(salted, "Client Key"))
	key := make([]byte, len(proof)) // what the proof comes to, when whoever made it knows the key
	subtle.XORBytes(key, proof, l.mac(stored, said))
	if !hmac.Equal(l.digest(key), stored) {
		return "", true, false
	}
	if l.Forged {
		return encode([]byte("v=" + encode(make([]byte, len(proof))))), true, true
	}
	return encode([]byte("v=" + encode(l.mac(l.mac(salted, "Server Key"), said)))), true, true
}

func (l *Login) mac(key []byte, text string) []byte {
	m := hmac.New(l.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (l *Login) digest(data []byte) []byte {
	h := l.hash()
	h.Write(data)
	return h.Sum(nil)
}

func encode(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
