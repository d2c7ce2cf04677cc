package main

import (
	"bytes"
	"fmt"
	"strings"
)

// emitRustCheck emits the method by which a test's gateway refuses of a record what the gateway refuses.
func emitRustCheck(b *bytes.Buffer, t *typ) {
	if !constrained(t) {
		return
	}
	b.WriteString("\n    #[cfg(not(target_family = \"wasm\"))]\n    #[rustfmt::skip]\n    fn check(&self, p: &mut Problems) {\n")
	for _, f := range t.fields {
		emitRustFieldCheck(b, f)
	}
	if len(t.oneOf) > 0 {
		var names, set []string
		for _, f := range t.oneOf {
			names, set = append(names, f.json), append(set, "self."+rustField(f.name)+".is_some()")
		}
		fmt.Fprintf(b, "        p.one_of(%q, &[%s]);\n", strings.Join(names, ", "), strings.Join(set, ", "))
	}
	b.WriteString("    }\n")
}

func emitRustFieldCheck(b *bytes.Buffer, f *field) {
	value := "self." + rustField(f.name)
	line := func(call string, args ...any) { fmt.Fprintf(b, "        p."+call+";\n", args...) }
	switch own := f.own; {
	case f.list:
		if own.any() {
			line("items(%q, %s.len(), %s)", f.json, value, rustBounds(own))
		}
		if f.kind == kindString && f.item.any() {
			line("texts(%q, &%s, || %s)", f.json, value, rustBounds(f.item))
		}
	case f.kind == kindString && !own.any():
	case f.kind == kindString && f.option:
		line("optional(%q, %s.as_deref(), %s)", f.json, value, rustBounds(own))
	case f.kind == kindString && f.def != "":
		line("optional(%q, Some(&%s), %s)", f.json, value, rustBounds(own))
	case f.kind == kindString:
		line("text(%q, &%s, %s)", f.json, value, rustBounds(own))
	case f.kind == kindJSON || f.kind == kindBytes:
		emitRustSizeCheck(line, f, value)
	case f.kind.number() && (own.hasMin || own.hasMax):
		low, high := "None", "None"
		if own.hasMin {
			low = fmt.Sprintf("Some(%d)", own.min)
		}
		if own.hasMax {
			high = fmt.Sprintf("Some(%d)", own.max)
		}
		number := "Some(" + value + ".into())"
		if f.option {
			number = value + ".map(i128::from)"
		}
		line("number(%q, %s, %s, %s, %t)", f.json, number, low, high, f.def != "")
	}
	if f.kind == kindRecord && constrained(f.named) || f.kind == kindEnum && !f.named.open {
		line("within(%q, &%s)", f.json, value)
	}
}

func emitRustSizeCheck(line func(call string, args ...any), f *field, value string) {
	own := f.own
	if f.option {
		own = bounds{max: own.max, hasMax: own.hasMax}
	}
	switch {
	case !own.any():
	case f.kind == kindJSON:
		line("json(%q, &%s, %s)", f.json, value, rustBounds(own))
	case f.option:
		line("bytes(%q, %s.as_ref().map_or(0, Vec::len), %s)", f.json, value, rustBounds(own))
	default:
		line("bytes(%q, %s.len(), %s)", f.json, value, rustBounds(own))
	}
	if f.object {
		line("object(%q, &%s)", f.json, value)
	}
}

// rustBounds writes bounds of a length, and the pattern.
func rustBounds(b bounds) string {
	most := "usize::MAX"
	if b.hasMax {
		most = fmt.Sprint(b.max)
	}
	text := fmt.Sprintf("Bounds::new(%t, %d, %s)", b.required, b.min, most)
	if b.pattern != nil {
		text += fmt.Sprintf(".like(&patterns::%s, %q)", rustConstant(b.pattern), b.means)
	}
	return text
}

// rustConstant is the name of a pattern's table.
func rustConstant(p *pattern) string {
	var name strings.Builder
	for i, c := range strings.TrimPrefix(p.goName, "pattern") {
		if i > 0 && c >= 'A' && c <= 'Z' {
			name.WriteByte('_')
		}
		name.WriteRune(c)
	}
	return strings.ToUpper(name.String())
}

// emitRustPatterns emits the tables of those patterns that the records have.
func emitRustPatterns(b *bytes.Buffer, m *model, used map[*typ]bool) {
	b.WriteString("use crate::check::Pattern;\n")
	emitted := map[*pattern]bool{nil: true}
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for _, f := range t.fields {
				for _, p := range []*pattern{f.own.pattern, f.item.pattern} {
					if used[t] && !emitted[p] {
						emitted[p] = true
						emitRustPattern(b, p)
					}
				}
			}
		}
	}
}

func emitRustPattern(b *bytes.Buffer, p *pattern) {
	table := func(list []byte) string {
		var text strings.Builder
		for _, n := range list {
			fmt.Fprintf(&text, `\x%02x`, n)
		}
		return `b"` + text.String() + `"`
	}
	accept := make([]byte, len(p.accept))
	for i, ok := range p.accept {
		if ok {
			accept[i] = 1
		}
	}
	fmt.Fprintf(b, "\n/// Matches %s\n#[rustfmt::skip]\npub static %s: Pattern = Pattern {\n    width: %d,\n    class: %s,\n    next: %s,\n    accept: %s,\n};\n",
		strings.ReplaceAll(p.text, "[", `\[`), rustConstant(p), p.width, table(p.class[:]), table(p.next), table(accept))
}
