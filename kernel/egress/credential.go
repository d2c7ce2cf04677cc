package egress

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/leak"
	"github.com/carapace-gateway/carapace/wit"
)

// placeholder is what a credential's name is written in.
// A longer name, or one with other characters, makes no placeholder: such a text stays what it is.
var placeholder = regexp.MustCompile(`\{\{credential:([A-Za-z0-9_.-]{1,64})\}\}`)

// escaping turns a secret into what may stand where its placeholder stood.
type escaping func(secret string) string

// verbatim is for headers, which have no escapes: setHeaders refuses control characters after it.
func verbatim(s string) string { return s }

// filler replaces placeholders of one message and remembers what it put in.
type filler struct {
	creds   Credentials
	message *message
	got     map[string]string // credentials by name: each is asked for once
	room    int64             // bytes that may still be put in
}

// newFiller returns a filler that puts in no more than the message could carry: a small text may have a placeholder
// of a large credential very often.
func newFiller(creds Credentials, m *message, room int64) *filler {
	return &filler{creds: creds, message: m, got: map[string]string{}, room: room}
}

// text replaces the placeholders of s and reports whether there were any.
// After an error the text is worthless and is not sent.
func (f *filler) text(s string, escape escaping) (filled string, secret bool, err error) {
	filled = placeholder.ReplaceAllStringFunc(s, func(found string) string {
		secret = true
		if err != nil {
			return ""
		}
		var value string
		value, err = f.get(placeholder.FindStringSubmatch(found)[1])
		value = escape(value)
		if f.room -= int64(len(value)); f.room < 0 {
			err = wit.NewError(wit.CodeTooLarge, "http: with its credentials the message has more bytes than are sent")
			return ""
		}
		return value
	})
	return filled, secret, err
}

// get asks for a secret and remembers it for scrub before it is written anywhere.
func (f *filler) get(name string) (string, error) {
	if f.creds == nil {
		return "", wit.Errorf(wit.CodeForbidden, "http: credential %s may not be used here", name)
	}
	if value, ok := f.got[name]; ok {
		return value, nil
	}
	value, err := f.creds(name)
	if err != nil {
		return "", err
	}
	f.got[name] = value
	f.message.remember(value)
	if len(f.got) > maxFilled {
		return "", wit.Errorf(wit.CodeTooLarge, "http: a request with more than %d credentials", maxFilled)
	}
	return value, nil
}

// url fills the path and, where the plugin asked for it, the query; only what was written with plain
// braces. The host never carries a credential: it would not have parsed.
func (f *filler) url(u *url.URL, withQuery bool) (*url.URL, error) {
	out := *u
	// A path with plain braces has a RawPath: they are not how a path is usually written.
	path, inPath, err := f.text(u.RawPath, url.PathEscape)
	if err != nil {
		return nil, err
	}
	if inPath {
		out.Path, _ = url.PathUnescape(path) // it was parsed, and what is filled in is escaped
		out.RawPath = escapeRest(path)
	}
	if withQuery {
		out.RawQuery, _, err = f.text(u.RawQuery, url.QueryEscape)
	}
	return &out, err
}

// escapeRest escapes what may not stand in a path and leaves alone what is escaped already.
func escapeRest(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"<>\^`+"`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// remember has the secret removed from errors and from what comes back, in each form that it can take there.
func (m *message) remember(secret string) {
	forms := leak.Forms(secret)
	if len(secret) >= minScrubbed {
		m.secrets = addForms(m.secrets, forms)
	}
	if len(secret) >= minEchoed {
		m.echoes = addForms(m.echoes, forms)
	}
}

// mentionsSecret reports whether a text has a secret in it, in one of its forms.
func (m *message) mentionsSecret(s string) bool {
	return slices.ContainsFunc(m.secrets, func(form string) bool { return strings.Contains(s, form) })
}

// scrub removes secrets from an error's text.
func (m *message) scrub(err error) error {
	if err == nil || !m.mentionsSecret(err.Error()) {
		return err
	}
	e := *wit.AsError(err)
	e.Message = redact(e.Message, m.secrets)
	return &e
}
