package egress

import (
	"io"
	"net/http"
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

// addForms adds the forms of one more secret. The longest come first, for one may be the beginning of another.
func addForms(forms, more []string) []string {
	forms = append(forms, more...)
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return forms
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
