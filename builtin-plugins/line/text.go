package line

import (
	"strings"
	"unicode/utf16"
)

// units is how long a text is as LINE counts, in UTF-16 units ("Character counting in a text").
func units(text string) (n int) {
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// isVisible reports whether anything can be seen of a text: an empty one is refused.
func isVisible(text string) bool { return strings.TrimSpace(text) != "" }
