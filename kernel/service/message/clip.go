package message

import "strings"

// Clip returns text if it has at most n bytes, else its beginning, up to a character's end, and an ellipsis. n of 0
// cuts nothing. Text that may hold secrets is redacted before it: what is left of one that was cut is not recognized
// any more.
func Clip(text string, n int) string {
	if n <= 0 || len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "…"
}
