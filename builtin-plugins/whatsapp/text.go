package whatsapp

import (
	"strings"
	"unicode/utf8"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// readable makes words of the name of one of Meta's fields.
func readable(field string) string { return strings.ReplaceAll(field, "_", " ") }

// split cuts a text behind at most so many characters, at the last end of a paragraph, of a line or of a word that leaves
// the first part half as long at least.
func split(text string, most int) (first, rest string) {
	at, n := len(text), 0
	for i := range text {
		if n == most {
			at = i
			break
		}
		n++
	}
	if at == len(text) {
		return text, ""
	}
	for _, end := range []string{"\n\n", "\n", " "} {
		if i := strings.LastIndex(text[:at], end); i > at/2 {
			return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i:])
		}
	}
	return text[:at], text[at:]
}

// length is that of a text in characters.
func length(text string) int { return utf8.RuneCountInString(text) }

// isVisible reports whether anything can be seen of a text: an empty body is refused.
func isVisible(text string) bool { return strings.TrimSpace(text) != "" }
