package egress

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// What is removed from what comes back and from errors. A shorter secret cannot be told from ordinary text and protects
// nothing; in the few words of an error it can be told sooner.
const (
	minEchoed   = 8
	minScrubbed = 4
	maxFilled   = 16 // credentials of one request: they bound the work of looking for them
	redactChunk = 16 << 10
)

// formsOf are the forms in which another side may say a secret back: as it is, escaped for a URL or for JSON, and in
// base64, where it depends on what stands before it, so that its middle is looked for. It makes an honest server's echo
// harmless; a dishonest one can encode what it was sent in any way, which is why hosts have to be permitted.
func formsOf(secret string) []string {
	forms := []string{secret, inJSON(secret), plainJSON(secret)}
	for _, escaped := range []string{url.PathEscape(secret), url.QueryEscape(secret)} {
		forms = append(forms, escaped, lowerEscapes(escaped))
	}
	for before := range 3 {
		padded := append(make([]byte, before), secret...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			// The characters at both ends depend on the neighbours.
			text := encoding.EncodeToString(padded)
			text = text[(before*8+5)/6:]
			if rest := len(padded) % 3; rest > 0 {
				text = text[:len(text)-1]
			}
			if len(text) >= minEchoed {
				forms = append(forms, text)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// addForms adds the forms of one more secret. The longest come first, for one may be the beginning of another.
func addForms(forms, more []string) []string {
	forms = append(forms, more...)
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
}

// plainJSON is the inside of a JSON string as most programs write it, who leave <, > and & alone.
func plainJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// lowerEscapes writes the digits of percent escapes in lower case.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// redact removes echoes from a text.
func redact(s string, forms []string) string {
	for _, form := range forms {
		s = strings.ReplaceAll(s, form, plain.Redacted)
	}
	return s
}

// clean removes echoes from a response: from its headers at once, from its body as it is read.
func (m *message) clean(res *http.Response) {
	if len(m.echoes) == 0 {
		return
	}
	for _, values := range res.Header {
		for i := range values {
			values[i] = redact(values[i], m.echoes)
		}
	}
	res.Body = &redactor{ReadCloser: res.Body, forms: m.echoes}
}

// redactor reads what is below it without echoes, also those that come in pieces. It keeps back no more than what may
// be the beginning of one.
type redactor struct {
	io.ReadCloser
	forms []string
	buf   []byte
	kept  string // read, and perhaps the beginning of an echo
	ready string
	err   error
}

// Read implements io.Reader.
func (r *redactor) Read(p []byte) (int, error) {
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.buf = slices.Grow(r.buf[:0], redactChunk)
		n, err := r.ReadCloser.Read(r.buf[:redactChunk])
		r.err = err
		r.ready, r.kept = r.split(r.kept+string(r.buf[:n]), err != nil)
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// split removes the echoes from s and cuts off the end that may become one, unless it is the last.
func (r *redactor) split(s string, last bool) (ready, kept string) {
	s = redact(s, r.forms)
	if last {
		return s, ""
	}
	end := len(s) - r.begun(s)
	return s[:end], s[end:]
}

// begun is the length of the longest end of s that an echo begins with.
func (r *redactor) begun(s string) int {
	longest := 0
	for _, form := range r.forms {
		for n := min(len(form)-1, len(s)); n > longest; n-- {
			if strings.HasPrefix(form, s[len(s)-n:]) {
				longest = n
			}
		}
	}
	return longest
}
