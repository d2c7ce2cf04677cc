package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain takes the markup out of CommonMark with strike-through and spoilers, for platforms that show
// text as it is. It keeps every word: code stays as it stands, a link becomes its text and its address.
// Bytes that are no UTF-8 become U+FFFD, so that nothing that is taken out joins them to a letter.
func Plain(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	var b strings.Builder
	b.Grow(len(s))
	open := fence{}
	for line := range strings.Lines(s) {
		marker, info, isFence := fenceLine(line)
		switch {
		case isFence && open.marker == "":
			open = fence{marker, info}
		case isFence && info == "" && strings.HasPrefix(marker, open.marker):
			open = fence{}
		case open.marker != "":
			b.WriteString(line)
		default:
			plainLine(&b, line)
		}
	}
	return b.String()
}

// plainLine writes one line outside of code. A heading loses its marks, a list item gets a dash: the star
// that it may begin with is no emphasis.
func plainLine(b *strings.Builder, line string) {
	body := strings.TrimLeft(line, " \t")
	b.WriteString(line[:len(line)-len(body)])
	level := len(body) - len(strings.TrimLeft(body, "#"))
	switch {
	case level >= 1 && level <= 6 && strings.HasPrefix(body[level:], " "):
		body = strings.TrimLeft(body[level:], " ")
	case strings.HasPrefix(body, "* ") || strings.HasPrefix(body, "+ "):
		b.WriteString("- ")
		body = body[2:]
	}
	plainInline(b, body, maxNesting)
}

// Both bounds keep the time that a hostile text takes in proportion to its length.
const (
	// maxNesting is how deep emphasis and links in each other are taken apart; deeper ones stay as they are.
	maxNesting = 8
	// maxSpan is how far the end of an emphasis or link is looked for, in bytes.
	maxSpan = 4096
)

// delimiters pair up around emphasis, strike-through and spoilers; longer ones come first.
var delimiters = [...]string{"***", "___", "**", "__", "~~", "||", "*", "_"}

// plainInline writes one line without its inline markup.
func plainInline(b *strings.Builder, s string, depth int) {
	prev := ' '
	for s != "" {
		n := 0
		if depth > 0 {
			n = plainSpan(b, s, prev, depth)
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
		}
		prev, _ = utf8.DecodeLastRuneInString(s[:n])
		s = s[n:]
	}
}

// plainSpan writes the span that s begins with, and returns how long it is in s: 0 when none begins here.
func plainSpan(b *strings.Builder, s string, prev rune, depth int) int {
	switch s[0] {
	case '\\':
		if len(s) > 1 && strings.IndexByte("\\`*_{}[]()#+-.!~|>", s[1]) >= 0 {
			b.WriteByte(s[1])
			return 2
		}
	case '`':
		return plainCode(b, s)
	case '!':
		if strings.HasPrefix(s, "![") {
			if n := plainLink(b, s[1:], depth); n > 0 {
				return n + 1
			}
		}
	case '[':
		return plainLink(b, s, depth)
	case '*', '_', '~', '|':
		return plainEmphasis(b, s, prev, depth)
	}
	return 0
}

// plainCode writes a code span as it stands, without its ticks. It ends at a run of just as many ticks;
// without one these are ordinary characters, and the result is 0.
func plainCode(b *strings.Builder, s string) int {
	ticks := len(s) - len(strings.TrimLeft(s, "`"))
	rest := s[ticks:]
	for at := 0; at < min(len(rest), maxSpan); {
		i := strings.IndexByte(rest[at:], '`')
		if i < 0 {
			return 0
		}
		at += i
		run := len(rest[at:]) - len(strings.TrimLeft(rest[at:], "`"))
		if run == ticks {
			b.WriteString(rest[:at])
			return ticks + at + ticks
		}
		at += run
	}
	return 0
}

// plainLink writes a link as its text and, unless that is the same, its address in parentheses.
func plainLink(b *strings.Builder, s string, depth int) int {
	near := s[:min(len(s), maxSpan)]
	mid := strings.Index(near, "](")
	if mid < 1 || strings.Contains(near[1:mid], "[") {
		return 0
	}
	end := closing(near[mid+2:])
	if end < 0 {
		return 0
	}
	text, url := near[1:mid], near[mid+2:mid+2+end]
	if text != url && text != "" {
		plainInline(b, text, depth-1)
		b.WriteString(" (" + url + ")")
	} else {
		b.WriteString(url)
	}
	return mid + 2 + end + 1
}

// closing finds the parenthesis that closes one opened before s, or -1.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

// plainEmphasis writes what stands between two equal delimiters. An underscore within a word is none, so
// that snake_case survives.
func plainEmphasis(b *strings.Builder, s string, prev rune, depth int) int {
	for _, d := range delimiters {
		rest, ok := strings.CutPrefix(s, d)
		if !ok {
			continue
		}
		next, _ := utf8.DecodeRuneInString(rest)
		if rest == "" || unicode.IsSpace(next) || d[0] == '_' && word(prev) {
			continue
		}
		if end := emphasisEnd(rest, d); end > 0 {
			plainInline(b, rest[:end], depth-1)
			return len(d) + end + len(d)
		}
	}
	return 0
}

// emphasisEnd finds the delimiter that closes an emphasis, or returns 0.
func emphasisEnd(s, d string) int {
	for at := 1; at < min(len(s), maxSpan); {
		i := strings.Index(s[at:min(len(s), maxSpan)], d)
		if i < 0 {
			return 0
		}
		at += i
		before, _ := utf8.DecodeLastRuneInString(s[:at])
		after, _ := utf8.DecodeRuneInString(s[at+len(d):])
		switch {
		case unicode.IsSpace(before) || before == '\\':
		case after == rune(d[0]) && s[at+len(d):] != "": // part of a longer delimiter
		case d[0] == '_' && word(after) && s[at+len(d):] != "":
		default:
			return at
		}
		at += len(d)
	}
	return 0
}

// word reports whether an underscore beside r stands in a word.
func word(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
