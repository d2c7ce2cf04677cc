package ntfy

import (
	"strings"
	"unicode/utf8"
)

// Bounds of the server's defaults, in bytes ("Limitations"). What is longer becomes a file there.
const (
	maxText = 4096
	// maxCaption is how long a text may be that goes along with a file, which stands in the address.
	maxCaption = 1000
)

// isVisible reports whether anything can be seen of a text: of an empty one the server makes the word "triggered".
func isVisible(text string) bool { return strings.TrimSpace(text) != "" }

// split cuts a text behind at most so many bytes, at the last end of a paragraph, of a line or of a word that leaves the
// first part half as long at least.
func split(text string, most int) (first, rest string) {
	if len(text) <= most {
		return text, ""
	}
	at := most
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	for _, end := range []string{"\n\n", "\n", " "} {
		if i := strings.LastIndex(text[:at], end); i > at/2 {
			return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i:])
		}
	}
	return text[:at], text[at:]
}
