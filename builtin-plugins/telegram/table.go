package telegram

import (
	"strings"
	"unicode"
)

// Telegram has no tables. A narrow one is set in a fixed width, so that its columns stand below each other; one that
// would not fit on a phone becomes a few lines for each row.

// maxTableWidth is how many columns of text a phone shows of a text in a fixed width.
const maxTableWidth = 48

// table is a table of Markdown: cells as they were written, rows of the same length.
type table struct {
	header []string
	right  []bool // columns that are aligned to the right
	rows   [][]string
}

// table takes the lines of a table, should one begin here: a row, and below it one of dashes with as many cells. Other
// lines with bars, such as a command with pipes, are no table. It ends with the first line that has no bar.
func (c *converter) table() bool {
	if c.at+1 >= len(c.lines) || !strings.Contains(c.lines[c.at], "|") {
		return false
	}
	t := table{header: cells(c.lines[c.at])}
	for _, cell := range cells(c.lines[c.at+1]) {
		if dashes := strings.TrimSuffix(strings.TrimPrefix(cell, ":"), ":"); dashes == "" || strings.Trim(dashes, "-") != "" {
			return false
		}
		t.right = append(t.right, strings.HasSuffix(cell, ":") && !strings.HasPrefix(cell, ":"))
	}
	if len(t.right) != len(t.header) || !strings.Contains(c.lines[c.at+1], "|") {
		return false
	}
	for c.at += 2; c.at < len(c.lines) && strings.Contains(c.lines[c.at], "|"); c.at++ {
		row := make([]string, len(t.header)) // cells that are missing are empty, and those too many left out
		copy(row, cells(c.lines[c.at]))
		t.rows = append(t.rows, row)
	}
	c.paragraph()
	c.out = append(c.out, t.html())
	return true
}

// cells are those of a row. A bar behind a backslash is part of its cell.
func cells(line string) []string {
	line = strings.TrimPrefix(strings.TrimSpace(line), "|")
	if strings.HasSuffix(line, "|") && !strings.HasSuffix(line, `\|`) {
		line = line[:len(line)-1]
	}
	var out []string
	cell := strings.Builder{}
	for i := 0; i < len(line); i++ {
		switch {
		case strings.HasPrefix(line[i:], `\|`):
			i++
			cell.WriteByte('|')
		case line[i] == '|':
			out = append(out, strings.TrimSpace(cell.String()))
			cell.Reset()
		default:
			cell.WriteByte(line[i])
		}
	}
	return append(out, strings.TrimSpace(cell.String()))
}

// html shows the table as it fits. In a fixed width nothing can be formatted, so the cells lose their marks there;
// links are written out.
func (t *table) html() string {
	lines := make([][]string, 0, len(t.rows)+1)
	widths, total := make([]int, len(t.header)), 0
	for _, row := range append([][]string{t.header}, t.rows...) {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = plain(cell)
			widths[i] = max(widths[i], width(line[i]))
		}
		lines = append(lines, line)
	}
	for _, w := range widths {
		total += w + 2
	}
	if total-2 > maxTableWidth {
		return t.list()
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(strings.TrimRight(t.line(line, widths), " ") + "\n")
		if i == 0 {
			b.WriteString(strings.Repeat("─", max(total-2, 1)) + "\n")
		}
	}
	return "<pre>" + escape(strings.TrimSuffix(b.String(), "\n")) + "</pre>"
}

// line pads the cells of a row to the widths of their columns.
func (t *table) line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		padding := strings.Repeat(" ", widths[i]-width(cell))
		if t.right[i] {
			b.WriteString(padding + cell + "  ")
		} else {
			b.WriteString(cell + padding + "  ")
		}
	}
	return b.String()
}

// list shows a wide table: for each row its first cell, and below it the others with the names of their columns.
func (t *table) list() string {
	var rows []string
	for _, row := range t.rows {
		lines := []string{"<b>" + inline(row[0]) + "</b>"}
		for i, cell := range row[1:] {
			if cell != "" {
				lines = append(lines, "• "+inline(t.header[i+1])+": "+inline(cell))
			}
		}
		rows = append(rows, strings.Join(lines, "\n"))
	}
	if len(rows) == 0 {
		return inline(strings.Join(t.header, ", "))
	}
	return strings.Join(rows, "\n\n")
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
