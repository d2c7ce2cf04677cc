package twilio

import (
	"strings"
	"unicode/utf8"
)

// maxText is how many characters a text may have (Message resource, "Body").
const maxText = 1600

// length is that of a text in characters.
func length(text string) int { return utf8.RuneCountInString(text) }

// joined puts a line end between the texts that are not empty.
func joined(texts ...string) string {
	out := ""
	for _, text := range texts {
		switch text = strings.TrimSpace(text); {
		case text == "":
		case out == "":
			out = text
		default:
			out += "\n" + text
		}
	}
	return out
}

// cut is the beginning of a text, of at most so many characters.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
