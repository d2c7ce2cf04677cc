package egress

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	placeholderOpen  = "{{credential:"
	placeholderClose = "}}"
	maxName          = 64
)

// escaping turns a secret into what may stand where its placeholder stood.
type escaping func(secret string) string

func verbatim(s string) string { return s }

func inJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(b[1 : len(b)-1])
}

// filler replaces placeholders of one message and remembers what it put in.
type filler struct {
	creds   Credentials
	message *message
}

// text replaces the placeholders of s and reports whether there were any.
func (f *filler) text(s string, escape escaping) (filled string, secret bool, err error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, placeholderOpen)
		name, after, closed := strings.Cut(rest, placeholderClose)
		if !found || !closed || !validName(name) {
			break
		}
		value, err := f.get(name)
		if err != nil {
			return "", false, err
		}
		b.WriteString(before)
		b.WriteString(escape(value))
		s, secret = after, true
	}
	if !secret {
		return s, false, nil
	}
	b.WriteString(s)
	return b.String(), true, nil
}

func (f *filler) get(name string) (string, error) {
	if f.creds == nil {
		return "", wit.Errorf(wit.CodeForbidden, "http: credential %s may not be used here", name)
	}
	value, err := f.creds(name)
	if err != nil {
		return "", err
	}
	f.message.remember(value)
	return value, nil
}

// url fills path and query. The host never carries a credential: it would not have parsed.
func (f *filler) url(u *url.URL) (*url.URL, error) {
	path, inPath, err := f.text(unescapeBraces(u.EscapedPath()), url.PathEscape)
	if err != nil {
		return nil, err
	}
	query, inQuery, err := f.text(unescapeBraces(u.RawQuery), url.QueryEscape)
	if err != nil {
		return nil, err
	}
	if !inPath && !inQuery {
		return u, nil
	}
	out := *u
	out.RawQuery = query
	if out.Path, err = url.PathUnescape(path); err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "http: the url's path is malformed")
	}
	out.RawPath = path
	return &out, nil
}

// unescapeBraces restores placeholders that URL escaping has taken apart.
func unescapeBraces(s string) string {
	return strings.NewReplacer("%7B%7Bcredential:", placeholderOpen, "%7b%7bcredential:", placeholderOpen,
		"%7B%7Bcredential%3A", placeholderOpen, "%7D%7D", placeholderClose, "%7d%7d", placeholderClose).Replace(s)
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
	})
}

// remember makes scrub remove the secret, in each form that it can take in a message.
func (m *message) remember(secret string) {
	if len(secret) < 4 {
		return // too short to be told from ordinary text; such a value protects nothing
	}
	for _, form := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret), inJSON(secret)} {
		m.secrets = append(m.secrets, form)
	}
}

func (m *message) mentionsSecret(s string) bool {
	for _, secret := range m.secrets {
		if strings.Contains(s, secret) {
			return true
		}
	}
	return false
}

// scrub removes secrets from an error's text.
func (m *message) scrub(err error) error {
	if err == nil || m == nil || !m.mentionsSecret(err.Error()) {
		return err
	}
	e := *wit.AsError(err)
	for _, secret := range m.secrets {
		e.Message = strings.ReplaceAll(e.Message, secret, "[redacted]")
	}
	return &e
}
