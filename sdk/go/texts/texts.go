// Package texts puts texts together and cuts them, as plugins do with what people read.
package texts

import (
	"strings"
	"unicode/utf8"
)

// Join puts a separator between the texts that are not empty, without the white space around them.
func Join(separator string, texts ...string) string {
	out := ""
	for _, text := range texts {
		switch text = strings.TrimSpace(text); {
		case text == "":
		case out == "":
			out = text
		default:
			out += separator + text
		}
	}
	return out
}

// Clip is the beginning of a text, of so many bytes at most, cut between two characters.
func Clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Characters is the beginning of a text, of so many characters at most.
func Characters(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i]
		}
	}
	return text
}

// Of is a text that need not be there, "" for none.
func Of(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
