package sign

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of how often a server may have the password hashed: fewer times would let who reads along guess it, and more take
// the processor for long. RFC 5802, section 5.1, has the lower one.
const (
	leastIterations = 4096
	mostIterations  = 1_000_000
)

// The header by which a client says that it does not bind the login to the connection, and the same in base64 (RFC 5802,
// section 7).
const (
	unbound        = "n,,"
	unboundEncoded = "c=biws"
)

// Scram returns the client's next message of a login by SCRAM (RFC 5802, RFC 7677): the first, or where l has the server's
// challenge the last, or an empty one where l has the server's outcome and that proves that it knows the password. Errors:
// CodeInvalid for messages that are none, CodeUnauthorized for an outcome that proves nothing. Neither they nor the messages have
// the password in them.
func Scram(l *wit.ScramLogin, password string) (string, error) {
	switch {
	case l.First == nil:
		return unbound + "n=" + saslName(l.User) + ",r=" + rand.Text(), nil
	case l.Challenge == nil:
		return "", wit.NewError(wit.CodeInvalid, "a login by SCRAM goes on with the server's challenge")
	}
	bare, ok := strings.CutPrefix(*l.First, unbound)
	nonce, named := strings.CutPrefix(bare, "n="+saslName(l.User)+",r=")
	if !ok || !named || len(nonce) < 16 || strings.Contains(nonce, ",") {
		return "", wit.NewError(wit.CodeInvalid, "first is not the message that the login began with")
	}
	c, err := readChallenge(*l.Challenge, nonce)
	if err != nil {
		return "", err
	}
	last := unboundEncoded + ",r=" + c.nonce
	hash := sha256.New
	if l.Hash == wit.ScramHashSHA1 {
		hash = sha1.New
	}
	proof, signature, err := c.proofs(hash, saslPrepared(password), bare+","+*l.Challenge+","+last)
	if err != nil {
		return "", err
	}
	if l.Outcome != nil {
		return "", verify(*l.Outcome, signature)
	}
	return last + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

// challenge is a server's first message.
type challenge struct {
	nonce      string
	salt       []byte
	iterations int
}

// readChallenge reads `r=nonce,s=salt,i=iterations`. The nonce has to go on from the client's, and an extension that the server
// calls mandatory is none that there is.
func readChallenge(text, nonce string) (challenge, error) {
	malformed := wit.NewError(wit.CodeInvalid, "the server's challenge is none of SCRAM's")
	parts := strings.Split(text, ",")
	if len(parts) < 3 {
		return challenge{}, malformed
	}
	r, hasNonce := strings.CutPrefix(parts[0], "r=")
	s, hasSalt := strings.CutPrefix(parts[1], "s=")
	i, hasCount := strings.CutPrefix(parts[2], "i=")
	salt, errSalt := base64.StdEncoding.DecodeString(s)
	iterations, errCount := strconv.Atoi(i)
	if !hasNonce || !hasSalt || !hasCount || errSalt != nil || errCount != nil || len(salt) == 0 {
		return challenge{}, malformed
	}
	if !strings.HasPrefix(r, nonce) || len(r) == len(nonce) {
		return challenge{}, wit.NewError(wit.CodeInvalid, "the server's challenge answers another login")
	}
	if iterations < leastIterations || iterations > mostIterations {
		return challenge{}, wit.Errorf(wit.CodeInvalid, "the server wants the password hashed %d times: from %d to %d are taken", iterations, leastIterations, mostIterations)
	}
	return challenge{r, salt, iterations}, nil
}

// proofs are the client's proof and the server's signature (RFC 5802, section 3).
func (c challenge) proofs(h func() hash.Hash, password, said string) (proof, signature []byte, err error) {
	salted, err := pbkdf2.Key(h, password, c.salt, c.iterations, h().Size())
	if err != nil {
		return nil, nil, err
	}
	code := func(key []byte, text string) []byte {
		m := hmac.New(h, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	proof = code(salted, "Client Key")
	stored := h()
	stored.Write(proof)
	for i, b := range code(stored.Sum(nil), said) {
		proof[i] ^= b
	}
	return proof, code(code(salted, "Server Key"), said), nil
}

// verify checks a server's last message, `v=signature` or `e=error`.
func verify(outcome string, signature []byte) error {
	first, _, _ := strings.Cut(outcome, ",")
	if why, failed := strings.CutPrefix(first, "e="); failed {
		return wit.Errorf(wit.CodeUnauthorized, "the server refuses the login: %.100q", why)
	}
	encoded, ok := strings.CutPrefix(first, "v=")
	got, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !hmac.Equal(got, signature) {
		return wit.NewError(wit.CodeUnauthorized, "the server does not prove that it knows the password: it is not the one that the account is on")
	}
	return nil
}

// saslName writes a name as messages have it.
func saslName(name string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(saslPrepared(name))
}

// saslPrepared writes the same characters in the same way wherever they were typed, as RFC 4013 has it: every space as one, what
// is not seen left out, all in the compatible composed form.
func saslPrepared(text string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case r < unicode.MaxASCII:
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		case r == 0xad || r == 0x34f || r >= 0x180b && r <= 0x180d || r >= 0x200b && r <= 0x200d || r == 0x2060 || r >= 0xfe00 && r <= 0xfe0f || r == 0xfeff:
			return -1 // RFC 3454, table B.1
		}
		return r
	}, text))
}
