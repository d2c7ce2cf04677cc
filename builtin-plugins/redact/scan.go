package redact

import "strings"

// finder looks for one kind of secret at the start of text. It returns how many bytes the secret is
// long, 0 for none, and how many of them, from the left, are shown.
type finder func(text string) (length, shown int)

// finders are tried in this order, so what can contain others comes first.
var finders = []struct {
	kind string
	find finder
}{
	{"private key", privateKey},
	{"API key", apiKey},
	{"token", botToken},
	{"token", bearer},
	{"card number", card},
}

// clean returns text without secrets, and how many there were.
func clean(text string, patterns []string) (cleaned string, count int) {
	var b strings.Builder
	kept := 0 // text before this is in b
	for i := 0; i < len(text); {
		length, shown, kind := find(text, i, patterns)
		if length == 0 {
			i++
			continue
		}
		count++
		b.WriteString(text[kept : i+shown])
		b.WriteString("[" + kind + " removed]")
		i += length
		kept = i
	}
	if count == 0 {
		return text, 0
	}
	return b.String() + text[kept:], count
}

// find looks for a secret that starts at i.
func find(text string, i int, patterns []string) (length, shown int, kind string) {
	if i > 0 && alphanumeric(text[i-1]) {
		return 0, 0, "" // in the middle of a word or number
	}
	rest := text[i:]
	for _, f := range finders {
		if length, shown = f.find(rest); length > 0 {
			return length, shown, f.kind
		}
	}
	if len(patterns) == 0 || i > 0 && !separates(text[i-1]) {
		return 0, 0, ""
	}
	word := wordOf(rest)
	for _, pattern := range patterns {
		if matches(pattern, word) {
			return len(word), 0, "secret"
		}
	}
	return 0, 0, ""
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// upper are the characters of cloud access keys.
func upper(c byte) bool { return digit(c) || c >= 'A' && c <= 'Z' }

// urlSafe are the characters of most keys.
func urlSafe(c byte) bool { return alphanumeric(c) || c == '-' || c == '_' }

// dotted are those of tokens in parts.
func dotted(c byte) bool { return urlSafe(c) || c == '.' }

// credential are those that may follow "Bearer".
func credential(c byte) bool { return dotted(c) || strings.IndexByte("~+/=:", c) >= 0 }

// countLeading returns how many of the first limit bytes of text are in a class.
func countLeading(text string, class func(byte) bool, limit int) int {
	n := 0
	for n < len(text) && n < limit && class(text[n]) {
		n++
	}
	return n
}
