package egress

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// drain reads to the end, so many bytes at a time, but not for ever.
func drain(r io.Reader, step int) (got string, err error) {
	for range 100_000 {
		p := make([]byte, step)
		n, err := r.Read(p)
		if got += string(p[:n]); err != nil {
			return got, err
		}
	}
	return got, errors.New("there is no end")
}

// once reads a text, so many bytes at a time, and may not be asked after its end.
type once struct {
	text string
	step int
	over bool
}

func (o *once) Read(p []byte) (int, error) {
	if o.over {
		panic("it is read after its end")
	}
	n := copy(p[:min(len(p), o.step)], o.text)
	if o.text = o.text[n:]; o.text == "" {
		o.over = true
		return n, io.EOF
	}
	return n, nil
}

func (o *once) Close() error { return nil }

// TestRedactor: whatever the pieces, echoes go and all else comes, also what only seemed to begin one at the end.
func TestRedactor(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"nothing of it", "nothing of it"},
		{"a secret-1 b", "a [redacted] b"},
		{"secret-1secret-1", "[redacted][redacted]"},
		{"secsecret-1secret-", "sec[redacted]secret-"},
		{"secret-1 is the end of secret", "[redacted] is the end of secret"},
		{strings.Repeat("x", 3*redactChunk) + "secret-1", strings.Repeat("x", 3*redactChunk) + "[redacted]"},
	} {
		for _, step := range []int{1, 3, 1 << 20} {
			r := &redactor{ReadCloser: &once{text: tt.text, step: step}, forms: []string{"secret-12", "secret-1"}}
			got, err := drain(r, 4096)
			if err != io.EOF || got != tt.want {
				t.Errorf("%.40q in pieces of %d: %.60q, %v", tt.text, step, got, err)
				continue
			}
			if _, err := r.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
		}
	}
}

// TestNothingIsHeldBack that cannot be the beginning of an echo.
func TestNothingIsHeldBack(t *testing.T) {
	r := &redactor{forms: []string{"secret-1"}}
	for s, want := range map[string]string{"abc": "", "abcs": "s", "a secret-": "secret-", "sese": "se", "secret": "secret"} {
		if ready, kept := r.split(s, false); kept != want || ready+kept != s {
			t.Errorf("of %q %q is kept, %q is ready", s, kept, ready)
		}
	}
}

// TestEncoder: a file of any length is read in base64, as far as its reader has room.
func TestEncoder(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "YQ==", "ab": "YWI=", "abc": "YWJj", strings.Repeat("abc", 5000): strings.Repeat("YWJj", 5000)} {
		for _, step := range []int{1, 7, 1 << 20} {
			got, err := drain(&encoder{from: &once{text: text, step: step}}, 100)
			if err != io.EOF || got != want {
				t.Errorf("%.10q in pieces of %d: %.20q of %d, %v", text, step, got, len(got), err)
			}
		}
	}
}
