package irc

import "strings"

// The codes by which clients mark text up (modern.ircdocs.horse/formatting).
const (
	codeColor    = '\x03'
	codeHexColor = '\x04'
	codeReset    = '\x0f'
)

// toggles are the codes that switch something on, and off again; codes are all but those with a colour in hex.
const (
	toggles = "\x02\x11\x16\x1d\x1e\x1f"
	codes   = toggles + "\x03\x0f"
)

// plain takes the codes out of what somebody wrote, and all other control characters.
func plain(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == codeColor:
			i += colorLength(text[i+1:], 2, isDigit)
		case c == codeHexColor:
			i += colorLength(text[i+1:], 6, isHex)
		case c >= ' ' && c != 0x7f || c == '\t':
			b.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// colorLength is how long the colours behind a code are: the text's, and behind a comma the background's.
func colorLength(text string, most int, ok func(byte) bool) int {
	n := run(text, most, ok)
	if n > 0 && n < len(text) && text[n] == ',' {
		if more := run(text[n+1:], most, ok); more > 0 {
			n += 1 + more
		}
	}
	return n
}

func run(text string, most int, ok func(byte) bool) int {
	n := 0
	for n < most && n < len(text) && ok(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// sayable is one line of text as it may be sent: without what would end it or begin something else. Codes stay in what was
// formatted for IRC, and go from what anybody wrote.
func sayable(text string, formatted bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case formatted && strings.ContainsRune(codes, r):
			return r
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
