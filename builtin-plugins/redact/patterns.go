package redact

import "strings"

const (
	maxWord    = 512 // bytes; patterns are not tried on longer words
	maxPattern = 200 // bytes
	leastFixed = 4   // characters besides * and ?
)

// usable reports whether a pattern says enough not to take out every word.
func usable(pattern string) bool {
	fixed := 0
	for i := range len(pattern) {
		if c := pattern[i]; c != '*' && c != '?' {
			fixed++
		}
	}
	return fixed >= leastFixed && len(pattern) <= maxPattern && !strings.ContainsAny(pattern, " \t\r\n")
}

// separates reports whether a word ends at c, or begins after it.
func separates(c byte) bool { return strings.IndexByte(" \t\r\n\"'`<>()[]{},;", c) >= 0 }

// wordOf returns the word that text begins with, without the punctuation that ends a sentence; "" when
// it is longer than any secret.
func wordOf(text string) string {
	end := 0
	for end < len(text) && end <= maxWord && !separates(text[end]) {
		end++
	}
	if end > maxWord {
		return ""
	}
	return strings.TrimRight(text[:end], ".:!?")
}

// matches reports whether a whole word is as the pattern says: * stands for any characters, ? for one.
// After a mismatch only the last * takes one more, so the work is at most one length times the other.
func matches(pattern, word string) bool {
	p, w := 0, 0
	star, taken := -1, 0
	for w < len(word) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, taken = p, w
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == word[w]):
			p++
			w++
		case star >= 0:
			taken++
			p, w = star+1, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
