// Package words cuts texts and questions into what is looked for.
//
// A word is a run of letters and digits, in lower case and without diacritics, so that Grüße, GRUSSE and grusse are
// one. Languages that put no spaces between words (Chinese, Japanese, Thai and their neighbours) are cut into overlapping pairs
// of characters, and the last character of a run by itself: any two characters that follow each other are found, and one
// alone. All functions are pure.
package words

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of what is cut: a longer word is only its beginning, and of a longer text no more is found.
const (
	MaxWord = 64        // bytes
	MaxText = 256 << 10 // bytes
)

// Word is a word and where it stands in its text: the bytes [From, To).
type Word struct {
	Text     string
	From, To int
	// Pair says that it is one of the pairs of a language without spaces.
	Pair bool
}

// Cut returns the words of a text, in order.
func Cut(text string) []Word { return slices.Collect(All(text)) }

// All goes through the words of a text, in order.
func All(text string) iter.Seq[Word] {
	if len(text) > MaxText {
		text = strings.ToValidUTF8(text[:MaxText], "")
	}
	return func(yield func(Word) bool) {
		for at := 0; at < len(text); {
			r, size := utf8.DecodeRuneInString(text[at:])
			switch {
			case unspaced(r):
				end := run(text, at, func(r rune) bool { return unspaced(r) || unicode.Is(unicode.M, r) })
				if !pairs(text, at, end, yield) {
					return
				}
				at = end
			case letter(r):
				end := run(text, at, func(r rune) bool { return (letter(r) || unicode.Is(unicode.M, r)) && !unspaced(r) })
				if folded := fold(text[at:end]); folded != "" && !yield(Word{Text: folded, From: at, To: end}) {
					return
				}
				at = end
			default:
				at += size
			}
		}
	}
}

// run is where the characters end, from a place on, that belong together.
func run(text string, at int, belongs func(rune) bool) int {
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !belongs(r) {
			break
		}
		at += size
	}
	return at
}

// pairs yields the pairs of a run, and its last character, and reports whether more is wanted.
func pairs(text string, from, end int, yield func(Word) bool) bool {
	for from < end {
		_, size := utf8.DecodeRuneInString(text[from:])
		next := from + size
		to := next
		if next < end {
			_, more := utf8.DecodeRuneInString(text[next:])
			to += more
		}
		if folded := fold(text[from:to]); folded != "" && !yield(Word{Text: folded, From: from, To: to, Pair: true}) {
			return false
		}
		from = next
	}
	return true
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// unspaced reports whether a character is of a language that puts no spaces between words.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// fold is a word as it is compared: decomposed, without marks, in lower case.
func fold(word string) string {
	plain := true
	for i := range len(word) {
		c := word[i]
		plain = plain && c < utf8.RuneSelf
	}
	if plain {
		return clip(strings.ToLower(word))
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(word) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'ß', r == 'ẞ':
			b.WriteString("ss")
		case r == 'ø', r == 'Ø':
			b.WriteByte('o')
		case r == 'ł', r == 'Ł':
			b.WriteByte('l')
		case r == 'ı':
			b.WriteByte('i')
		case letter(r):
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return clip(b.String())
}

func clip(word string) string {
	if len(word) > MaxWord {
		word = strings.ToValidUTF8(word[:MaxWord], "")
	}
	return word
}
