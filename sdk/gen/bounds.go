package main

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// emitBounds emits a constant for each bound and default, so that nobody writes one again.
func emitBounds(b *bytes.Buffer, m *model) {
	major, _, _ := strings.Cut(m.version, ".")
	fmt.Fprintf(b, "// ABI is the version of the contract.\nconst ABI = %s\n\n// Bounds and defaults, as the contract gives them: items of a list, bytes of a text, milliseconds of a time.\nconst (\n", orZero(major))
	for _, l := range m.limits {
		fmt.Fprintf(b, "\tLimit%s = %d\n", pascal(l.name), l.value)
	}
	for _, i := range m.interfaces {
		for _, l := range i.attrs.limits {
			fmt.Fprintf(b, "\tLimit%s%s = %d\n", pascal(strings.ReplaceAll(i.name, "_", "-")), pascal(l.name), l.value)
		}
	}
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if t.max > 0 {
				fmt.Fprintf(b, "\t%sMax = %d\n", t.goName, t.max)
			}
			for _, f := range t.fields {
				emitFieldConstants(b, t.goName+f.goName, f)
			}
		}
	}
	b.WriteString(")\n\n")
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for _, f := range t.fields {
				if f.list && f.def != "" {
					fmt.Fprintf(b, "// Default%[1]s%[2]s is what an empty %[3]s stands for.\nfunc Default%[1]s%[2]s() []string { return %#[4]v }\n\n", t.goName, f.goName, f.json, f.defaults())
				}
			}
		}
	}
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

func emitFieldConstants(b *bytes.Buffer, name string, f *field) {
	own := f.own
	if f.list && f.item.hasMax {
		fmt.Fprintf(b, "\t%sItemMax = %d\n", name, f.item.max)
	}
	if own.min > 0 {
		fmt.Fprintf(b, "\t%sMin = %d\n", name, own.min)
	}
	if own.hasMax {
		fmt.Fprintf(b, "\t%sMax = %d\n", name, own.max)
	}
	if own.cut > 0 {
		fmt.Fprintf(b, "\t%sCut = %d\n", name, own.cut)
	}
	switch {
	case f.def == "" || f.list:
	case f.kind == kindString:
		fmt.Fprintf(b, "\t%sDefault = %q\n", name, f.def)
	default:
		n, _ := quantity(f.def)
		fmt.Fprintf(b, "\t%sDefault = %d\n", name, n)
	}
}

// emitFacts emits what tests go through: all records, and all fields with bounds.
func emitFacts(b *bytes.Buffer, m *model) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/wit/codec\"\n\n")
	b.WriteString("// Record is what every record of the contract can do.\ntype Record interface {\n\tcodec.Appender\n\tcodec.Receiver\n\tValidate() error\n}\n\n")
	b.WriteString("// Records returns a new one of each record, in the contract's order.\nfunc Records() []Record {\n\treturn []Record{\n")
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if !t.enum() {
				fmt.Fprintf(b, "\t\t&%s{},\n", t.goName)
			}
		}
	}
	b.WriteString("\t}\n}\n\n// Bounded returns all fields with bounds.\nfunc Bounded() []Bound {\n\treturn []Bound{\n")
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for _, f := range t.fields {
				emitFact(b, t, f)
			}
		}
	}
	b.WriteString("\t}\n}\n")
}

func emitFact(b *bytes.Buffer, t *typ, f *field) {
	row := func(own bounds, item bool) {
		if !own.any() {
			return
		}
		low, high := int64(math.MinInt64), int64(math.MaxInt64)
		if own.hasMin {
			low = own.min
		}
		if own.hasMax {
			high = own.max
		}
		fmt.Fprintf(b, "\t\t{func() Record { return new(%s) }, %q, %q, %t, %t, %d, %d, ", t.goName, t.goName, f.goName, item, own.required, low, high)
		if own.pattern == nil {
			b.WriteString("nil")
		} else {
			b.WriteString("&" + own.pattern.goName)
		}
		fmt.Fprintf(b, ", %t},\n", f.def != "")
	}
	row(f.own, false)
	if f.list {
		row(f.item, true)
	}
}

// words says a field's bounds to people, "" when it has none.
func (f *field) words() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	size := bytesText
	switch {
	case f.time:
		size = timeText
	case f.list, f.kind.number() && !strings.HasSuffix(f.def, "B"):
		size = thousands
	}
	own := f.own
	switch {
	case own.pattern != nil:
		add("%s", own.means)
	case own.hasMin && own.min > 0 && own.hasMax:
		low := size(own.min)
		if f.kind.measured() {
			low = thousands(own.min)
		}
		add("%s to %s", low, size(own.max))
	case own.hasMax:
		add("at most %s", size(own.max))
	case own.hasMin && own.min > 0 && f.kind.number():
		add("at least %s", size(own.min))
	}
	if own.cut > 0 {
		add("cut at %s", size(own.cut))
	}
	if f.list && f.item.pattern != nil {
		add("each %s", f.item.means)
	}
	if f.def != "" {
		if n, err := quantity(f.def); err == nil && f.kind.number() {
			add("%s by default", size(n))
		} else {
			add("%s by default", strings.Join(f.defaults(), " and "))
		}
	}
	return strings.Join(parts, "; ")
}

func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + " " + u.name
		}
	}
	return thousands(n) + " bytes"
}

func timeText(n int64) string {
	switch {
	case n >= 60_000 && n%60_000 == 0:
		return strconv.FormatInt(n/60_000, 10) + " min"
	case n >= 1000 && n%1000 == 0:
		return strconv.FormatInt(n/1000, 10) + " s"
	}
	return strconv.FormatInt(n, 10) + " ms"
}

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
