package media

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// window is for how long the link of a file stays the same, so that what shows it need not be made anew and browsers keep what
// they have loaded. A link is good for one window at least, and two at most.
const window = 6 * time.Hour

// Links are addresses under which who has no token may read a file for some hours.
type Links struct {
	key []byte
	now func() time.Time
}

// NewLinks returns links that are signed with a key of nobody else's.
func NewLinks(key []byte) *Links { return &Links{key, time.Now} }

// Window changes when links do.
func (l *Links) Window() int64 { return l.now().UnixNano() / int64(window) }

// URL is the link of a file: a path on the gateway, with its signature.
func (l *Links) URL(id string) string { return l.until(id, (l.Window()+2)*int64(window/time.Second)) }

// For is a link that is good for a while, and up to a second more.
func (l *Links) For(id string, within time.Duration) string {
	return l.until(id, l.now().Add(within+time.Second).Unix())
}

func (l *Links) until(id string, seconds int64) string {
	until := strconv.FormatInt(seconds, 10)
	return "/media/" + id + "?until=" + until + "&sig=" + l.sign(id, until)
}

// sign covers the file and the time, with their lengths given by what they are: an id has 64 characters.
func (l *Links) sign(id, until string) string {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte("carapace media link 1\n" + id + "\n" + until))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// check decides about a request for a file that brings a signature. Errors: CodeUnauthorized for a wrong one, CodeForbidden for
// one whose time is over.
func (l *Links) check(id string, q url.Values) error {
	until := q.Get("until")
	if !hmac.Equal([]byte(l.sign(id, until)), []byte(q.Get("sig"))) {
		return wit.NewError(wit.CodeUnauthorized, "the signature of the link is wrong: take the whole link as it was given")
	}
	if seconds, err := strconv.ParseInt(until, 10, 64); err != nil || l.now().Unix() >= seconds {
		return wit.NewError(wit.CodeForbidden, "the link has expired: load what it was in again, which gives a new one")
	}
	return nil
}
