package telegram

import (
	"strings"
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
