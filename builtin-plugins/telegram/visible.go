package telegram

import (
	"strings"
	"unicode"
)

// isVisible reports whether anything can be seen of a text: Telegram refuses to send one of which nothing can. Spaces of
// all kinds cannot, nor can marks without a letter to stand on.
func isVisible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		switch r {
		case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // letters and a pattern that are blank
			return false
		}
		return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn)
	}) >= 0
}
