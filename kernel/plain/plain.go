// Package plain makes text of others safe to show: what a model, a person, a plugin or a platform wrote must neither
// steer a terminal nor look like a line of somebody else.
//
// What is not shown as it is stands as \u and four hexadecimal digits, which is also how JSON writes it, so JSON
// stays the same JSON. Bytes that are no UTF-8 become U+FFFD.
package plain

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redacted stands where a secret was, or what is not shown.
const Redacted = "[redacted]"

// Text returns s without control characters; lines and tabs stay.
func Text(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Strip returns s without what Text does not show as it is. It is for what is read and not looked at: nothing is longer for it.
func Strip(s string) string {
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Line is Text on one line: what would begin another stands as \n, and a tab as a blank.
func Line(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(Text(s), "\n", `\n`), "\t", " ")
}

// hidden reports whether a character is a control one, of which a terminal makes something else than a sign: also
// those that turn the direction of writing, and those that end a line or a paragraph in Unicode.
func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
		return true
	}
	return unicode.IsControl(r)
}

// Whole returns b without the beginning of a character at its end. Bytes that are no UTF-8 stay.
func Whole(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if at := len(b) - i; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return b[:at]
			}
			break
		}
	}
	return b
}

// Writer writes Text of what it is given to another writer. A character may come in pieces. It is for one goroutine.
type Writer struct {
	to   io.Writer
	rest []byte // the beginning of a character
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Unwrap returns what is written to.
func (w *Writer) Unwrap() io.Writer { return w.to }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	all := append(w.rest, p...)
	whole := Whole(all)
	w.rest = append([]byte(nil), all[len(whole):]...)
	if _, err := io.WriteString(w.to, Text(string(whole))); err != nil {
		return 0, err
	}
	return len(p), nil
}
