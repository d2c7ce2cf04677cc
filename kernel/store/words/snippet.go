package words

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Mark is what was found in a text: the bytes [From, To).
type Mark struct{ From, To int }

// Marks returns where what is looked for stands in a text, in order and without overlaps, at most limit of them.
func (q Question) Marks(text string, limit int) []Mark {
	found := Cut(text)
	var marks []Mark
	for _, t := range q {
		if t.Not {
			continue
		}
		for _, at := range t.In(found) {
			marks = append(marks, Mark{found[at[0]].From, found[at[1]-1].To})
		}
	}
	slices.SortFunc(marks, func(a, b Mark) int { return a.From - b.From })
	var out []Mark
	for _, m := range marks {
		if n := len(out); n > 0 && m.From < out[n-1].To {
			out[n-1].To = max(out[n-1].To, m.To)
			continue
		}
		if len(out) == limit {
			break
		}
		out = append(out, m)
	}
	return out
}

// Snippet is the part of a text around the first of what is looked for, on one line and about size bytes long, and where in
// it what was found stands.
func (q Question) Snippet(text string, size int) (string, []Mark) {
	marks := q.Marks(text, 64)
	from := 0
	if len(marks) > 0 {
		from = max(marks[0].From-size/3, 0)
	}
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	to := min(from+size, len(text))
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to--
	}
	line := func(part string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(part, "?"))
	}
	var b strings.Builder
	var in []Mark
	if from > 0 {
		b.WriteString("…")
	}
	at := from
	for _, m := range marks {
		if m.From < at || m.To > to {
			continue
		}
		b.WriteString(line(text[at:m.From]))
		begin := b.Len()
		b.WriteString(line(text[m.From:m.To]))
		in = append(in, Mark{begin, b.Len()})
		at = m.To
	}
	b.WriteString(line(text[at:to]))
	if to < len(text) {
		b.WriteString("…")
	}
	return b.String(), in
}
