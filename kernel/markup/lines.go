package markup

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/carapace-gateway/carapace/wit"
)

// In shows a text in a dialect.
func (t Text) In(d *wit.Dialect) string { return t.write(d, d.Block.Open != "") }

// Seen is a text as people see it who are shown it in a dialect, for what a platform counts. Quotations are a little longer.
func (t Text) Seen(d *wit.Dialect) string {
	return t.write(&wit.Dialect{Bullet: d.Bullet, Link: seenLink(d)}, d.Block.Open != "")
}

// seenLink is what is seen of a link: its text, where the dialect has such links.
func seenLink(d *wit.Dialect) string {
	if d.Link == "" {
		return ""
	}
	return "{text}"
}

// write shows a text in a dialect, and tables in a fixed width where the platform has one.
func (t Text) write(d *wit.Dialect, fixed bool) string {
	w := &lines{dialect: d, source: t.source, columns: fixed}
	w.blocks(t.root, "\n\n")
	return strings.Trim(w.out.String(), "\n")
}

// lines writes a text line by line: platforms that have marks of their own know lines, and little of blocks.
type lines struct {
	dialect *wit.Dialect
	source  []byte
	out     bytes.Buffer
	// prefix is what each line begins with: of quotations and of lists in lists.
	prefix string
	// marks are those that are open, the outermost first.
	marks []wit.Mark
	// columns says that the platform shows a text in a fixed width.
	columns bool
	// quoted is set within a quotation that is marked as a whole.
	quoted bool
}

// blocks writes the blocks in a node, with a separator between them.
func (w *lines) blocks(parent ast.Node, separator string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n != parent.FirstChild() {
			w.separate(n, separator)
		}
		w.block(n)
	}
}

// separate writes what stands between a block and the one before it: a blank line where the author has left one.
func (w *lines) separate(n ast.Node, separator string) {
	if separator == "\n\n" && !w.isApart(n) {
		separator = "\n"
	}
	for range len(separator) {
		w.newline()
	}
}

// isApart reports whether there is an empty line before a block, be it within a quotation. It looks into the text, since the parser
// does not say so of tables and of what follows code.
func (w *lines) isApart(n ast.Node) bool {
	at := w.begin(n)
	if at < 0 {
		return n.HasBlankPreviousLines()
	}
	above := w.source[:bytes.LastIndexByte(w.source[:at], '\n')+1]
	if n, ok := n.(*ast.FencedCodeBlock); ok && n.Info == nil {
		above = above[:bytes.LastIndexByte(bytes.TrimSuffix(above, []byte("\n")), '\n')+1] // the fence
	}
	above = bytes.TrimSuffix(above, []byte("\n"))
	return len(bytes.Trim(above[bytes.LastIndexByte(above, '\n')+1:], "> \t")) == 0
}

// begin is where the first words of a block stand, or -1.
func (w *lines) begin(n ast.Node) int {
	if code, ok := n.(*ast.FencedCodeBlock); ok && code.Info != nil {
		return code.Info.Segment.Start
	}
	if words, ok := n.(*ast.Text); ok {
		return words.Segment.Start
	}
	if n.Type() != ast.TypeInline && n.Lines().Len() > 0 {
		return n.Lines().At(0).Start
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if at := w.begin(c); at >= 0 {
			return at
		}
	}
	return -1
}

// newline begins a line, outside of all marks. An empty line before it is left without the spaces that it began with.
func (w *lines) newline() {
	if strings.TrimSpace(w.prefix) == "" && bytes.HasSuffix(w.out.Bytes(), []byte("\n"+w.prefix)) {
		w.out.Truncate(w.out.Len() - len(w.prefix))
	}
	w.out.WriteString("\n" + w.prefix)
}

// block writes one block, without a line's end behind it.
func (w *lines) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		w.marked(w.heading(), n)
	case *ast.Blockquote:
		w.quote(n)
	case *ast.List:
		w.list(n)
	case *ast.FencedCodeBlock:
		w.code(string(n.Language(w.source)), n)
	case *ast.CodeBlock:
		w.code("", n)
	case *ast.ThematicBreak:
		w.out.WriteString("──────────")
	case *extast.Table:
		w.table(n)
	default:
		if n.Type() == ast.TypeBlock && n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeBlock {
			w.blocks(n, "\n\n")
			return
		}
		w.inlines(n)
	}
}

// heading is how a heading is marked.
func (w *lines) heading() wit.Mark {
	if w.dialect.Heading != (wit.Mark{}) {
		return w.dialect.Heading
	}
	return w.dialect.Bold
}

// quote writes a quotation. One in another that is marked as a whole is part of it.
func (w *lines) quote(n ast.Node) {
	if q := w.dialect.Quote; q != (wit.Mark{}) {
		if w.quoted {
			w.blocks(n, "\n\n")
			return
		}
		w.quoted = true
		w.out.WriteString(q.Open)
		w.blocks(n, "\n\n")
		w.out.WriteString(q.Close)
		w.quoted = false
		return
	}
	before := w.prefix
	w.out.WriteString(w.quoteLine())
	w.prefix += w.quoteLine()
	w.blocks(n, "\n\n")
	w.prefix = before
}

// quoteLine is what each line of a quotation begins with that is not marked as a whole.
func (w *lines) quoteLine() string { return cmp.Or(w.dialect.QuoteLine, "> ") }

// list writes the items of a list, each with what it begins with.
func (w *lines) list(n *ast.List) {
	number, before := n.Start, w.prefix
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		if item != n.FirstChild() {
			w.separate(item, "\n\n")
		}
		sign := w.bullet()
		if n.IsOrdered() {
			sign = strconv.Itoa(number) + string(n.Marker) + " "
			number++
		}
		if box, ok := checkBox(item); ok {
			sign = box
		}
		w.out.WriteString(sign)
		w.prefix = before + strings.Repeat(" ", width(sign))
		w.blocks(item, "\n\n")
		w.prefix = before
	}
}

// bullet is what an item begins with.
func (w *lines) bullet() string {
	if w.dialect.Bullet != "" {
		return w.dialect.Bullet
	}
	return "• "
}

// checkBox is the sign of an item of a list of tasks.
func checkBox(item ast.Node) (sign string, ok bool) {
	if item.FirstChild() == nil {
		return "", false
	}
	box, ok := item.FirstChild().FirstChild().(*extast.TaskCheckBox)
	switch {
	case !ok:
		return "", false
	case box.IsChecked:
		return "☑ ", true
	}
	return "☐ ", true
}

// code writes a block of code as it stands.
func (w *lines) code(language string, n ast.Node) {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(w.source))
	}
	w.fixed(language, strings.TrimSuffix(b.String(), "\n"))
}

// fixed writes a text that keeps its columns.
func (w *lines) fixed(language, code string) {
	mark := w.dialect.Block
	if language != "" && w.dialect.Language != (wit.Mark{}) {
		mark = w.dialect.Language
		mark.Open = strings.ReplaceAll(mark.Open, "{language}", w.escape(language))
	}
	prefix := w.prefix
	if strings.HasSuffix(mark.Open, "\n") {
		prefix = w.margin()
	}
	w.out.WriteString(strings.ReplaceAll(mark.Open, "\n", "\n"+prefix))
	for i, line := range strings.Split(code, "\n") {
		if i > 0 {
			w.out.WriteString("\n" + prefix)
		}
		w.out.WriteString(w.inside(line, mark))
	}
	w.out.WriteString(strings.ReplaceAll(mark.Close, "\n", "\n"+prefix))
}

// margin goes to the beginning of a line, in a quotation to that of the quotation's, and returns what the line has there. A mark that
// stands on a line of its own is known there only (XEP-0393, 5.1.3), and the spaces of a list before it would be part of the code.
func (w *lines) margin() (prefix string) {
	quote := w.quoteLine()
	if i := strings.LastIndex(w.prefix, quote); i >= 0 {
		prefix = w.prefix[:i+len(quote)]
	}
	begin := bytes.LastIndexByte(w.out.Bytes(), '\n') + 1
	switch line := string(w.out.Bytes()[begin:]); {
	case line == prefix:
	case strings.HasPrefix(line, prefix) && strings.TrimSpace(line[len(prefix):]) == "":
		w.out.Truncate(begin + len(prefix))
	default: // an item's sign
		w.out.Truncate(len(bytes.TrimRight(w.out.Bytes(), " ")))
		w.out.WriteString("\n" + prefix)
	}
	return prefix
}

// inside escapes code. Where a platform knows no way to escape it, what would end the code is broken up by a space without a width.
func (w *lines) inside(code string, mark wit.Mark) string {
	if w.dialect.Escaping == wit.EscapingEntities {
		code = w.escape(code)
	}
	if end := strings.TrimSpace(mark.Close); end != "" && strings.Contains(code, end) {
		first, rest := end[:1], end[1:]
		return strings.ReplaceAll(code, end, first+"\u200b"+rest)
	}
	return code
}
