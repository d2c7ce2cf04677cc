package egress

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// What is removed from what comes back. A shorter secret cannot be told from ordinary text and protects nothing.
const (
	minEchoed   = 8
	maxFilled   = 16 // credentials of one request: they bound the work of looking for them
	redactedAs  = "[redacted]"
	redactChunk = 16 << 10
)

// echoes are the forms in which another side may say a secret back: as it is, escaped for a URL or for JSON, and in
// base64, where it depends on what stands before it, so that its middle is looked for. It makes an honest server's echo
// harmless; a dishonest one can encode what it was sent in any way, which is why hosts have to be permitted.
func echoes(secret string) []string {
	if len(secret) < minEchoed {
		return nil
	}
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
		s = strings.ReplaceAll(s, form, redactedAs)
	}
	return s
}

// redactHeaders removes echoes from a response's headers.
func (m *message) redactHeaders(headers []wit.Header) []wit.Header {
	for i := range headers {
		headers[i].Value = redact(headers[i].Value, m.echoes)
	}
	return headers
}

// redacted is body without echoes. It keeps back no more than what may be the beginning of one.
func (m *message) redacted(body io.ReadCloser) io.ReadCloser {
	if len(m.echoes) == 0 {
		return body
	}
	return &redactor{ReadCloser: body, forms: m.echoes}
}

// redactor reads what is below it without echoes, also those that come in pieces.
type redactor struct {
	io.ReadCloser
	forms []string
	buf   []byte
	kept  []byte // read, and perhaps the beginning of an echo
	ready []byte
	err   error
}

// Read implements io.Reader.
func (r *redactor) Read(p []byte) (int, error) {
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		have := len(r.kept)
		r.buf = slices.Grow(append(r.buf[:0], r.kept...), redactChunk)
		n, err := r.ReadCloser.Read(r.buf[have : have+redactChunk])
		r.err = err
		r.ready, r.kept = r.split(r.buf[:have+n], err != nil)
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// split removes the echoes from b and cuts off the end that may become one, unless it is the last.
func (r *redactor) split(b []byte, last bool) (ready, kept []byte) {
	for {
		at, size := r.first(b)
		if at < 0 {
			break
		}
		ready = append(append(ready, b[:at]...), redactedAs...)
		b = b[at+size:]
	}
	keep := 0
	if !last {
		keep = r.begun(b)
	}
	return append(ready, b[:len(b)-keep]...), bytes.Clone(b[len(b)-keep:])
}

// first finds the first echo, of those at one place the longest.
func (r *redactor) first(b []byte) (at, size int) {
	at = -1
	for _, form := range r.forms {
		i := bytes.Index(b, []byte(form))
		if i >= 0 && (at < 0 || i < at || i == at && len(form) > size) {
			at, size = i, len(form)
		}
	}
	return at, size
}

// begun is the length of the longest end of b that an echo begins with.
func (r *redactor) begun(b []byte) int {
	longest := 0
	for _, form := range r.forms {
		for n := min(len(form)-1, len(b)); n > longest; n-- {
			if strings.HasPrefix(form, string(b[len(b)-n:])) {
				longest = n
			}
		}
	}
	return longest
}
