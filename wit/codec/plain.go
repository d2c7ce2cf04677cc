package codec

import "math/bits"

// A word is eight bytes of a text, the first of them the lowest. Looking at them at once matters in guests, where
// most of a long text's cost is a loop over its bytes.
const (
	ones = 0x0101010101010101
	high = 0x80 * ones // the bit that only bytes beyond ASCII have
)

// plain returns how many bytes of s stand for themselves in a JSON string, which is all before the first quote,
// backslash or control character, and whether they are ASCII.
func plain[S string | []byte](s S) (n int, ascii bool) {
	var all uint64
	rest := s
	for len(rest) >= 8 { // in this form the compiler sees that word needs no checks
		w := word(rest)
		if marks := special(w); marks != 0 {
			before := bits.TrailingZeros64(marks) &^ 7
			return len(s) - len(rest) + before/8, (all|w&(1<<before-1))&high == 0
		}
		all |= w
		rest = rest[8:]
	}
	n = len(s) - len(rest)
	for ; n < len(s) && s[n] >= ' ' && s[n] != '"' && s[n] != '\\'; n++ {
		all |= uint64(s[n])
	}
	return n, all&high == 0
}

func word[S string | []byte](s S) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendWord appends the bytes of a word.
func appendWord(b []byte, w uint64) []byte {
	return append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24), byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56))
}

// special sets the high bit of the first byte of w that is a quote, a backslash or a control character; bits above it
// may be set too.
func special(w uint64) uint64 {
	quote, backslash := w^'"'*ones, w^'\\'*ones
	return ((w-' '*ones)&^w | (quote-ones)&^quote | (backslash-ones)&^backslash) & high
}
