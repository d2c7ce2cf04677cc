package markup

import (
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"

	"github.com/carapace-gateway/carapace/wit"
)

// inlines writes what is in a block, or in an emphasis.
func (w *lines) inlines(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if words, ok := n.(*ast.Text); ok {
			n = w.text(words)
		} else {
			w.inline(n)
		}
	}
}

// inline writes one piece of a line.
func (w *lines) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.String:
		w.out.WriteString(w.escape(string(n.Value)))
	case *ast.CodeSpan:
		code := spanOf(n, w.source)
		w.out.WriteString(w.dialect.Code.Open + w.inside(code, w.dialect.Code) + w.dialect.Code.Close)
	case *ast.Emphasis:
		if n.Level == 2 {
			w.marked(w.dialect.Bold, n)
		} else {
			w.marked(w.dialect.Italic, n)
		}
	case *extast.Strikethrough:
		w.marked(w.dialect.Strike, n)
	case *spoiler:
		w.marked(w.dialect.Spoiler, n)
	case *ast.Link:
		w.link(n, string(n.Destination))
	case *ast.Image:
		w.link(n, string(n.Destination))
	case *ast.AutoLink:
		w.out.WriteString(w.escape(string(n.Label(w.source))))
	case *extast.TaskCheckBox: // it is the item's sign
	default:
		w.inlines(n)
	}
}

// text writes words with those that follow, which the parser has cut up where there might have been a mark, and the end of their
// line. It returns the last node of them.
func (w *lines) text(n *ast.Text) ast.Node {
	words := unescaped(n.Segment.Value(w.source))
	for !breaks(n) {
		next, ok := n.NextSibling().(*ast.Text)
		if !ok {
			break
		}
		n, words = next, append(words[:len(words):len(words)], unescaped(next.Segment.Value(w.source))...)
	}
	w.out.WriteString(w.escape(string(words)))
	if breaks(n) && n.NextSibling() != nil {
		w.wrap()
	}
	return n
}

// breaks reports whether a line ends behind words.
func breaks(n *ast.Text) bool { return n.SoftLineBreak() || n.HardLineBreak() }

// unescaped takes Markdown's own escapes out: a backslash before a sign, and the names of characters.
func unescaped(b []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(b)))
}

// wrap ends a line: the marks that are open end with it, and begin anew.
func (w *lines) wrap() {
	for i := len(w.marks) - 1; i >= 0; i-- {
		w.out.WriteString(w.marks[i].Close)
	}
	w.newline()
	for _, m := range w.marks {
		w.out.WriteString(m.Open)
	}
}

// marked writes what is in a node between marks. Bold in bold is bold once.
func (w *lines) marked(mark wit.Mark, n ast.Node) {
	for _, open := range w.marks {
		if open == mark {
			mark = wit.Mark{}
		}
	}
	if mark == (wit.Mark{}) {
		w.inlines(n)
		return
	}
	w.out.WriteString(mark.Open)
	w.marks = append(w.marks, mark)
	w.inlines(n)
	w.marks = w.marks[:len(w.marks)-1]
	w.out.WriteString(mark.Close)
}

// link writes a link or, of a picture, what it shows and where it is. Where it has no text of its own, or the platform knows no
// such links, its address stands there.
func (w *lines) link(n ast.Node, url string) {
	shown := Text{w.source, n}.plainInline()
	switch {
	case shown == "" || shown == url:
		w.out.WriteString(w.escape(url))
	case w.dialect.Link == "" || !isAddress(url):
		w.inlines(n)
		if url != "" {
			w.out.WriteString(" (" + w.escape(url) + ")")
		}
	default:
		before, after, _ := strings.Cut(strings.ReplaceAll(w.dialect.Link, "{url}", w.address(url)), "{text}")
		w.out.WriteString(before)
		w.inlines(n)
		w.out.WriteString(after)
	}
}

// isAddress reports whether a link is one that people can follow from a chat.
func isAddress(url string) bool {
	for _, scheme := range []string{"https://", "http://", "mailto:", "tel:"} {
		if len(url) > len(scheme) && strings.EqualFold(url[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// address writes a link's address so that nothing in it ends the link.
func (w *lines) address(url string) string {
	url = strings.NewReplacer(" ", "%20", "<", "%3C", ">", "%3E", "|", "%7C", `"`, "%22", "\n", "").Replace(url)
	if strings.Contains(w.dialect.Link, "({url}") {
		url = strings.NewReplacer("(", "%28", ")", "%29").Replace(url)
	}
	if w.dialect.Escaping == wit.EscapingEntities {
		return w.escape(url)
	}
	return url
}

// spanOf is the text of a code span, on one line.
func spanOf(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.WriteString(strings.ReplaceAll(string(t.Segment.Value(source)), "\n", " "))
		}
	}
	return b.String()
}

// plainInline is what is in a block, on one line and without marks; links are written out.
func (t Text) plainInline() string {
	w := &lines{dialect: &wit.Dialect{}, source: t.source}
	w.inlines(t.root)
	return strings.ReplaceAll(w.out.String(), "\n", " ")
}

// escape writes a text's own characters so that none of them is a mark.
func (w *lines) escape(s string) string {
	switch w.dialect.Escaping {
	case wit.EscapingEntities:
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
	case wit.EscapingBackslash:
		if !strings.ContainsAny(s, w.dialect.Escaped) {
			return s
		}
		var b strings.Builder
		for s != "" {
			words, address, rest := cutAddress(s)
			for _, r := range words {
				if strings.ContainsRune(w.dialect.Escaped, r) {
					b.WriteByte('\\')
				}
				b.WriteRune(r)
			}
			b.WriteString(address)
			s = rest
		}
		return b.String()
	}
	return s
}

// cutAddress cuts a text around its first address on the web, in which platforms take a backslash for a part of it.
func cutAddress(s string) (before, address, after string) {
	at := strings.Index(s, "http")
	for at >= 0 && !strings.HasPrefix(s[at:], "http://") && !strings.HasPrefix(s[at:], "https://") {
		next := strings.Index(s[at+1:], "http")
		if next < 0 {
			return s, "", ""
		}
		at += 1 + next
	}
	if at < 0 {
		return s, "", ""
	}
	end := strings.IndexFunc(s[at:], func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>|*~`", r) })
	if end < 0 {
		end = len(s) - at
	}
	return s[:at], s[at : at+end], s[at+end:]
}
