package telegram

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Emphasis is what models write most, and what they write by mistake: stars in a formula, underscores in a name, bars
// in a line of code. A mark counts only where it stands at the edge of words, as Markdown has it for underscores.

// emphases are the marks and their tags, longer marks before shorter ones of the same character.
var emphases = []struct{ mark, open, close string }{
	{"***", "<b><i>", "</i></b>"}, {"___", "<b><i>", "</i></b>"},
	{"**", "<b>", "</b>"}, {"__", "<b>", "</b>"}, {"~~", "<s>", "</s>"}, {"||", "<tg-spoiler>", "</tg-spoiler>"},
	{"*", "<i>", "</i>"}, {"_", "<i>", "</i>"},
}

// emphasis converts what the mark at i opens, if something closes it.
func (p *inliner) emphasis(s string, i, depth int, inLink bool) int {
	length := runLength(s, i)
	for _, e := range emphases {
		if e.mark[0] != s[i] || len(e.mark) > length || depth >= maxNesting || !canOpen(s, i, length) {
			continue
		}
		start := i + len(e.mark)
		end := findClose(s, start, s[i], len(e.mark))
		if end < 0 {
			continue
		}
		p.out.WriteString(e.open)
		p.run(s[start:end], depth+1, inLink)
		p.out.WriteString(e.close)
		return end + len(e.mark) - i
	}
	p.out.WriteString(s[i : i+length]) // none of these needs escaping
	return length
}

// findClose returns where the closing mark begins, so that what is between is not empty, or -1.
func findClose(s string, start int, mark byte, want int) int {
	for i := start; i < len(s); {
		if n := skip(s[i:]); n > 0 {
			i += n
			continue
		}
		if s[i] != mark {
			i++
			continue
		}
		n := runLength(s, i)
		fits := n >= want
		if want == 1 {
			fits = n != 2 // two in a row are the other kind
		}
		if at := i + n - want; fits && at > start && canClose(s, i, n) {
			return at
		}
		i += n
	}
	return -1
}

// canOpen reports whether a run of marks may open something: there is something right after it, and it does not
// stand within a word, as in snake_case, 2*3*4 or a||b.
func canOpen(s string, i, n int) bool {
	before, after := around(s, i, n)
	return i+n < len(s) && !unicode.IsSpace(after) && !inWord(s[i], before, after) && (s[i] != '|' || i == 0 || !closes(before))
}

// canClose reports whether a run of marks may close something: there is something right before it.
func canClose(s string, i, n int) bool {
	before, after := around(s, i, n)
	return i > 0 && !unicode.IsSpace(before) && !inWord(s[i], before, after)
}

// around returns the characters before and after n bytes at i; where there is none, one that is no part of a word.
func around(s string, i, n int) (before, after rune) {
	before, after = ' ', ' '
	if i > 0 {
		before, _ = utf8.DecodeLastRuneInString(s[:i])
	}
	if i+n < len(s) {
		after, _ = utf8.DecodeRuneInString(s[i+n:])
	}
	return before, after
}

// inWord reports whether a mark stands between two characters of a word. Scripts that are written without spaces
// have emphasis there; not with underscores, in Markdown.
func inWord(mark byte, before, after rune) bool {
	return wordy(before) && wordy(after) && (mark == '_' || !isWide(before) && !isWide(after))
}

// closes reports whether a character ends what is before it, so that bars behind it are an operator.
func closes(r rune) bool { return strings.ContainsRune(")]}", r) || wordy(r) && !isWide(r) }

// wordy reports whether r is part of a word.
func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
