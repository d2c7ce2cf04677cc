package telegram

import (
	"strings"
	"unicode"
)

// plain is what a text in Markdown shows without its formatting. Links are written out.
func plain(markdown string) string {
	p := &inliner{}
	p.run(markdown, 0, true)
	return unescape(withoutTags(p.out.String()))
}

// withoutTags takes the tags out of HTML that toHTML made, in which each < begins one.
func withoutTags(html string) string {
	var b strings.Builder
	for {
		text, rest, tag := strings.Cut(html, "<")
		b.WriteString(text)
		if !tag {
			return b.String()
		}
		_, html, _ = strings.Cut(rest, ">")
	}
}

// isVisible reports whether anything can be seen of a text: Telegram refuses to send one of which nothing can. Spaces of
// all kinds cannot, nor can marks without a letter to stand on.
func isVisible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		switch r {
		case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // letters and a pattern that are blank
			return false
		}
		return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn)
	}) >= 0
}
