package telegram

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting bounds how deep emphasis may nest; deeper marks are shown as they are.
const maxNesting = 12

// inline converts the marks within a block: emphasis, code, links. Each method of inliner looks at what s
// begins with, writes what it is converted to, and returns how many bytes that took; 0 says that it is
// nothing of the kind.
func inline(s string) string {
	p := &inliner{}
	p.run(s, 0, false)
	return p.out.String()
}

// inliner collects the converted text.
type inliner struct {
	out strings.Builder
}

// run converts s. Inside a link no other link may stand.
func (p *inliner) run(s string, depth int, inLink bool) {
	for i := 0; i < len(s); {
		n := 0
		switch c := s[i]; c {
		case '\\':
			n = p.escaped(s[i:])
		case '`':
			n = p.code(s[i:])
		case '!', '[':
			n = p.link(s[i:], depth, inLink)
		case '<':
			n = p.autolink(s[i:])
		case '*', '_', '~', '|':
			n = p.emphasis(s, i, depth, inLink)
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s[i:])
			p.out.WriteString(escape(s[i : i+n]))
		}
		i += n
	}
}

// punctuation is what a backslash can escape in Markdown.
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// escaped takes a mark that a backslash makes an ordinary character.
func (p *inliner) escaped(s string) int {
	if len(s) < 2 || strings.IndexByte(punctuation, s[1]) < 0 {
		return 0
	}
	p.out.WriteString(escape(s[1:2]))
	return 2
}

// code converts a span between two equally long runs of backticks.
func (p *inliner) code(s string) int {
	n := codeSpan(s)
	marks := runLength(s, 0)
	if n == 0 {
		p.out.WriteString(s[:marks])
		return marks
	}
	body := s[marks : n-marks]
	if len(body) > 2 && body[0] == ' ' && body[len(body)-1] == ' ' && strings.TrimSpace(body) != "" {
		body = body[1 : len(body)-1]
	}
	p.out.WriteString("<code>" + escape(body) + "</code>")
	return n
}

// codeSpan returns the length of the code span that s begins with, 0 when nothing closes it.
func codeSpan(s string) int {
	marks := runLength(s, 0)
	for i := marks; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		n := runLength(s, i)
		if i += n; n == marks {
			return i
		}
	}
	return 0
}

// runLength counts how often the byte at i comes in a row.
func runLength(s string, i int) int {
	n := 1
	for i+n < len(s) && s[i+n] == s[i] {
		n++
	}
	return n
}

// skip returns the length of what emphasis and links do not look into: an escape or a code span.
func skip(s string) int {
	switch {
	case s[0] == '\\' && len(s) > 1:
		return 2
	case s[0] == '`':
		if n := codeSpan(s); n > 0 {
			return n
		}
		return runLength(s, 0)
	}
	return 0
}

// link converts [text](target) and ![text](target). A target that Telegram would not open is shown
// beside the text.
func (p *inliner) link(s string, depth int, inLink bool) int {
	start := strings.IndexByte(s[:min(2, len(s))], '[')
	if start < 0 {
		return 0
	}
	end := closing(s, start, '[', ']')
	if end < 0 || end+1 >= len(s) || s[end+1] != '(' {
		return 0
	}
	last := closing(s, end+1, '(', ')')
	if last < 0 || depth >= maxNesting {
		return 0
	}
	text, target := s[start+1:end], strings.TrimSpace(s[end+2:last])
	if text == "" && target == "" {
		return 0
	}
	if space := strings.IndexAny(target, " \n"); space >= 0 {
		target = target[:space] // a title follows
	}
	target = strings.TrimSuffix(strings.TrimPrefix(target, "<"), ">")
	if text == "" {
		text = target
	}
	if inLink || !opens(target) {
		p.run(text, depth+1, inLink)
		if target != "" && target != text {
			p.out.WriteString(" (" + escape(target) + ")")
		}
		return last + 1
	}
	p.out.WriteString(`<a href="` + escape(target) + `">`)
	p.run(text, depth+1, true)
	p.out.WriteString("</a>")
	return last + 1
}

// closing returns where the bracket at open is closed, or -1.
func closing(s string, open int, opener, closer byte) int {
	depth := 0
	for i := open; i < len(s); {
		if n := skip(s[i:]); n > 0 {
			i += n
			continue
		}
		switch s[i] {
		case opener:
			depth++
		case closer:
			if depth--; depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// opens reports whether Telegram opens a link to target; others it would refuse or leave out.
func opens(target string) bool {
	for _, scheme := range []string{"https://", "http://", "tg://", "mailto:", "tel:"} {
		if len(target) > len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// autolink takes the brackets off <https://…>; Telegram finds the link itself.
func (p *inliner) autolink(s string) int {
	end := strings.IndexAny(s[1:], " <>\n")
	if end < 0 || s[1+end] != '>' || !opens(s[1:1+end]) {
		return 0
	}
	p.out.WriteString(escape(s[1 : 1+end]))
	return end + 2
}

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
