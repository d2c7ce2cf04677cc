package visitor

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// purpose is what a token is for.
type purpose string

const (
	forCalls purpose = "call" // all but visit
	forPass  purpose = "pass" // visit alone
)

// How long tokens are good.
const (
	callTime = 10 * time.Minute
	passTime = 30 * 24 * time.Hour
)

// visit is one visitor of one account.
type visit struct{ channel, account, visitor string }

// tokens signs and reads tokens.
type tokens struct {
	key []byte
	now func() time.Time
}

// sign makes a token and returns when it ends.
func (t tokens) sign(p purpose, v visit) (token string, until time.Time) {
	life := callTime
	if p == forPass {
		life = passTime
	}
	until = t.now().Add(life).Truncate(time.Second)
	end := strconv.FormatInt(until.Unix(), 36)
	return v.visitor + "." + end + "." + t.signature(p, v, end), until
}

// signature covers everything that a token is good for. No part can have a line end in it.
func (t tokens) signature(p purpose, v visit, end string) string {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte(strings.Join([]string{"carapace visitor 1", string(p), v.channel, v.account, v.visitor, end}, "\n")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// read returns the visitor that a token of an account is, and until when. Errors: CodeForbidden, by which the page asks for another one.
func (t tokens) read(p purpose, channel, account, token string) (visitor string, until time.Time, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || !valid(parts[0]) || len(parts[1]) > 10 {
		return "", until, wit.NewError(wit.CodeForbidden, "this is no token of a visit: ask for one at visit")
	}
	want := t.signature(p, visit{channel, account, parts[0]}, parts[1])
	end, err := strconv.ParseInt(parts[1], 36, 64)
	if !hmac.Equal([]byte(want), []byte(parts[2])) || err != nil {
		return "", until, wit.NewError(wit.CodeForbidden, "this is no token of a visit: ask for one at visit")
	}
	if until = time.Unix(end, 0); !t.now().Before(until) {
		return "", until, wit.NewError(wit.CodeForbidden, "the token's time is over: ask for another one at visit")
	}
	return parts[0], until, nil
}

// visitorBytes are those of a visitor's id before they are written.
const visitorBytes = 16

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newVisitor is an id that nobody has and nobody guesses.
func newVisitor() string {
	b := make([]byte, visitorBytes)
	_, _ = rand.Read(b) // it does not fail
	return letters.EncodeToString(b)
}

// valid reports whether a text can be a visitor's id.
func valid(visitor string) bool {
	if len(visitor) != letters.EncodedLen(visitorBytes) {
		return false
	}
	for _, c := range []byte(visitor) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
