package main

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// emitValidate emits Validate for each record, and check, which does the work, where there is any. check returns
// how many problems there were before: the ones after them are the record's own, and within gives them its path.
func emitValidate(b *bytes.Buffer, i *iface) {
	for _, t := range i.types {
		if t.enum() {
			continue
		}
		if !constrained(t) {
			fmt.Fprintf(b, "// Validate finds nothing wrong: the contract bounds nothing here.\nfunc (v *%s) Validate() error { return nil }\n\n", t.goName)
			continue
		}
		fmt.Fprintf(b, `// Validate returns what the contract does not allow, naming each problem by its path: CodeInvalid, or
// CodeTooLarge where there only is too much of something.
func (v *%[1]s) Validate() error {
	var p problems
	v.check(&p)
	return p.err()
}

func (v *%[1]s) check(p *problems) (before int) {
	before = len(p.list)
`, t.goName)
		for _, f := range t.fields {
			emitFieldCheck(b, f)
		}
		emitOneOf(b, t)
		b.WriteString("\treturn before\n}\n\n")
	}
}

// constrained reports whether the contract bounds anything in a record.
func constrained(t *typ) bool {
	if len(t.oneOf) > 0 {
		return true
	}
	for _, f := range t.fields {
		if len(fieldChecks(f)) > 0 || f.list && f.item.any() || f.operations || f.kind == kindEnum && !f.named.open || f.kind == kindRecord && constrained(f.named) {
			return true
		}
	}
	return false
}

// problem is one thing that can be wrong with a value: when, and the call that notes it.
type problem struct{ when, note string }

func emitFieldCheck(b *bytes.Buffer, f *field) {
	emitChain(b, f, fieldChecks(f))
	value, name := "v."+f.goName, strconv.Quote(f.json)
	switch {
	case f.list && f.kind == kindRecord && constrained(f.named):
		fmt.Fprintf(b, "\tfor i := range %[1]s {\n\t\tp.within(%[1]s[i].check(p), %[2]s, i)\n\t}\n", value, name)
	case f.list && f.kind == kindEnum && !f.named.open:
		fmt.Fprintf(b, "\tfor i, x := range %s {\n\t\tif !x.Valid() {\n\t\t\tp.unknown(%s, i, string(x))\n\t\t}\n\t}\n", value, name)
	case f.list && (f.item.any() || f.operations):
		fmt.Fprintf(b, "\tfor i, x := range %s {\n", value)
		emitProblems(b, textChecks(f.item, "x", name, "i", true))
		if f.operations {
			fmt.Fprintf(b, "\t\tif !operation(%q, x) {\n\t\t\tp.operation(%s, i, %q, x)\n\t\t}\n", f.forKind, name, f.forKind)
		}
		b.WriteString("\t}\n")
	case f.kind == kindEnum && !f.list && !f.named.open && f.option:
		fmt.Fprintf(b, "\tif %[1]s != nil && !%[1]s.Valid() {\n\t\tp.unknown(%[2]s, -1, string(*%[1]s))\n\t}\n", value, name)
	case f.kind == kindEnum && !f.list && !f.named.open:
		fmt.Fprintf(b, "\tif %[1]s != \"\" && !%[1]s.Valid() {\n\t\tp.unknown(%[2]s, -1, string(%[1]s))\n\t}\n", value, name)
	case f.kind == kindRecord && !f.list && constrained(f.named):
		if f.option {
			fmt.Fprintf(b, "\tif %s != nil {\n", value)
			defer b.WriteString("\t}\n")
		}
		fmt.Fprintf(b, "\tp.within(%s.check(p), %s, -1)\n", value, name)
	}
}

// emitChain emits the checks of one value, of which the first that fails counts.
func emitChain(b *bytes.Buffer, f *field, list []problem) {
	if len(list) == 0 {
		return
	}
	if f.option && f.kind != kindJSON && f.kind != kindBytes {
		fmt.Fprintf(b, "\tif v.%s != nil {\n", f.goName)
		defer b.WriteString("\t}\n")
	}
	emitProblems(b, list)
}

func emitProblems(b *bytes.Buffer, list []problem) {
	if len(list) == 0 {
		return
	}
	for i, c := range list {
		if i > 0 {
			b.WriteString(" else ")
		}
		fmt.Fprintf(b, "if %s {\n%s\n}", c.when, c.note)
	}
	b.WriteString("\n")
}

// fieldChecks are those of a field's own value: a list's length, not its items.
func fieldChecks(f *field) []problem {
	value, name := "v."+f.goName, strconv.Quote(f.json)
	if f.option && (f.kind == kindString || f.kind.number()) && !f.list {
		value = "*" + value
	}
	switch {
	case f.list:
		return lengthChecks(f.own, value, "len("+value+") == 0", name, "-1", "items")
	case f.kind == kindString:
		// An empty text stands for its default, as 0 does below.
		return textChecks(f.own, value, name, "-1", !f.option && f.def == "")
	case f.kind == kindJSON, f.kind == kindBytes:
		own := f.own
		if f.option {
			own.min, own.hasMin, own.required = 0, false, false
		}
		list := lengthChecks(own, value, "len("+value+") == 0", name, "-1", "bytes")
		if f.object {
			list = append(list, problem{fmt.Sprintf("len(%[1]s) > 0 && %[1]s[0] != '{'", value), fmt.Sprintf("p.object(%s)", name)})
		}
		return list
	case f.kind == kindEnum && f.own.required:
		return []problem{{value + ` == ""`, fmt.Sprintf("p.missing(%s, -1)", name)}}
	case f.kind.number():
		return numberChecks(f, value, name)
	}
	return nil
}

// lengthChecks are those of what has a length; empty is the condition under which nothing is there.
func lengthChecks(own bounds, value, empty, name, index, what string) []problem {
	var list []problem
	if own.required {
		list = append(list, problem{empty, fmt.Sprintf("p.missing(%s, %s)", name, index)})
	}
	when := fmt.Sprintf("n := len(%s); ", value)
	switch {
	case own.min > 0 && own.hasMax:
		when += fmt.Sprintf("n < %d || n > %d", own.min, own.max)
	case own.min > 0:
		when += fmt.Sprintf("n < %d", own.min)
	case own.hasMax:
		when += fmt.Sprintf("n > %d", own.max)
	default:
		return list
	}
	return append(list, problem{when, fmt.Sprintf("p.%s(%s, %s, n, %d, %d)", what, name, index, own.min, own.max)})
}

// textChecks are those of a text; always says that the empty one counts too.
func textChecks(own bounds, value, name, index string, always bool) []problem {
	own.required = own.required && always
	list := lengthChecks(own, value, "blank("+value+")", name, index, "bytes")
	if own.pattern != nil {
		when := fmt.Sprintf("!%s.match(%s)", own.pattern.goName, value)
		if !always {
			when = value + ` != "" && ` + when
		}
		list = append(list, problem{when, fmt.Sprintf("p.mismatch(%s, %s, %s, %q)", name, index, value, own.means)})
	}
	return list
}

func numberChecks(f *field, value, name string) []problem {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	signed := f.kind == kindS32 || f.kind == kindS64
	when := ""
	if f.own.hasMin {
		if low = f.own.min; low > 0 || signed {
			when = fmt.Sprintf("%s < %d", value, low)
		}
	}
	if f.own.hasMax {
		high = f.own.max
		if when != "" {
			when += " || "
		}
		when += fmt.Sprintf("%s > %d", value, high)
	}
	if when == "" {
		return nil
	}
	if f.def != "" && low > 0 {
		when = fmt.Sprintf("%s != 0 && (%s)", value, when)
	}
	return []problem{{when, fmt.Sprintf("p.number(%s, int64(%s), %d, %d)", name, value, low, high)}}
}

func emitOneOf(b *bytes.Buffer, t *typ) {
	if len(t.oneOf) == 0 {
		return
	}
	args, names := "", ""
	for i, f := range t.oneOf {
		if i > 0 {
			args += ", "
			names += ", "
		}
		args += "v." + f.goName + " != nil"
		names += f.json
	}
	fmt.Fprintf(b, "\tif count(%s) != 1 {\n\t\tp.oneOf(%q)\n\t}\n", args, names)
}
