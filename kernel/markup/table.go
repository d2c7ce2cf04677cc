package markup

import (
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// Platforms with marks have no tables. A narrow one is set in a fixed width where there is such a thing, so that its columns stand
// below each other; one that would not fit on a phone becomes a few lines for each row.

// maxTableWidth is how many columns of text a phone shows of a text in a fixed width.
const maxTableWidth = 48

// table writes a table as it fits.
func (w *lines) table(n *extast.Table) {
	rows := rowsOf(n)
	lines := make([][]string, len(rows))
	widths, total := make([]int, len(rows[0])), 0
	for i, row := range rows {
		for j, cell := range row {
			shown := Text{w.source, cell}.plainInline()
			lines[i] = append(lines[i], shown)
			if j < len(widths) {
				widths[j] = max(widths[j], width(shown))
			}
		}
	}
	for _, n := range widths {
		total += n + 2
	}
	if !w.columns || total-2 > maxTableWidth {
		w.rows(rows)
		return
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(strings.TrimRight(padded(line, widths, n.Alignments), " ") + "\n")
		if i == 0 {
			b.WriteString(strings.Repeat("─", max(total-2, 1)) + "\n")
		}
	}
	w.fixed("", strings.TrimSuffix(b.String(), "\n"))
}

// rowsOf are the cells of a table, the header first.
func rowsOf(n *extast.Table) (rows [][]ast.Node) {
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []ast.Node
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	return rows
}

// padded is a row in which each cell is as wide as its column. In a fixed width nothing can be formatted, so the cells have no marks.
func padded(row []string, widths []int, alignments []extast.Alignment) string {
	var b strings.Builder
	for i, cell := range row[:min(len(row), len(widths))] {
		padding := strings.Repeat(" ", max(0, widths[i]-width(cell)))
		if i < len(alignments) && alignments[i] == extast.AlignRight {
			b.WriteString(padding + cell + "  ")
		} else {
			b.WriteString(cell + padding + "  ")
		}
	}
	return b.String()
}

// rows writes for each row its first cell, and below it the others with the names of their columns.
func (w *lines) rows(rows [][]ast.Node) {
	if len(rows) == 1 {
		for i, cell := range rows[0] {
			if i > 0 {
				w.out.WriteString(", ")
			}
			w.inlines(cell)
		}
		return
	}
	for i, row := range rows[1:] {
		if i > 0 {
			w.newline()
			w.newline()
		}
		if len(row) > 0 {
			w.marked(w.dialect.Bold, row[0])
		}
		for j := 1; j < len(row); j++ {
			if row[j].FirstChild() == nil {
				continue
			}
			w.newline()
			w.out.WriteString(w.bullet())
			if j < len(rows[0]) && rows[0][j].FirstChild() != nil {
				w.inlines(rows[0][j])
				w.out.WriteString(": ")
			}
			w.inlines(row[j])
		}
	}
}

// width is how many columns a text takes: two for the wide characters of East Asia and for pictures. It is what most
// programs show, and an error costs no more than a column that is not straight.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r): // it is shown on the character before
		case isWide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// isWide reports whether a character is two columns wide: the scripts that are written in squares, their wide forms of
// Latin, and the blocks of emoji.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
		r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}
