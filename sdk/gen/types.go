package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

func emitTypes(b *bytes.Buffer, i *iface) {
	for _, t := range i.types {
		if t.enum() {
			emitEnum(b, t)
		} else {
			emitRecord(b, t)
		}
	}
}

func emitEnum(b *bytes.Buffer, t *typ) {
	emitDoc(b, "", typeDoc(t))
	fmt.Fprintf(b, "type %s string\n\nconst (\n", t.goName)
	for _, c := range t.cases {
		emitDoc(b, "\t", c.doc)
		fmt.Fprintf(b, "\t%s %s = %q\n", c.goName, t.goName, c.value)
	}
	b.WriteString(")\n\n")
	emitCases(b, t)
	if t.hooks() {
		emitHooks(b, t)
	}
}

// emitCases emits which values there are.
func emitCases(b *bytes.Buffer, t *typ) {
	names, words := make([]string, len(t.cases)), make([]string, len(t.cases))
	for i, c := range t.cases {
		names[i], words[i] = c.goName, strconv.Quote(c.value)
	}
	fmt.Fprintf(b, "// Valid reports whether the value is one of the cases.\nfunc (v %s) Valid() bool {\n\tswitch v {\n\tcase %s:\n\t\treturn true\n\t}\n\treturn false\n}\n\n",
		t.goName, strings.Join(names, ", "))
	fmt.Fprintf(b, "// Cases lists the values that there are.\nfunc (%s) Cases() []string {\n\treturn []string{%s}\n}\n\n", t.goName, strings.Join(words, ", "))
}

// emitHooks emits which hooks there are, and what they may do.
func emitHooks(b *bytes.Buffer, t *typ) {
	fmt.Fprintf(b, "// %[1]ss lists them, in the contract's order.\nfunc %[1]ss() []%[1]s {\n\treturn []%[1]s{", t.goName)
	for _, c := range t.cases {
		fmt.Fprintf(b, "%s, ", c.goName)
	}
	b.WriteString("}\n}\n\n")
	fmt.Fprintf(b, "// Modifies lists the fields of its event to which a plugin may give a new value at this hook.\nfunc (v %s) Modifies() []string {\n\tswitch v {\n", t.goName)
	var cancels []string
	for _, c := range t.cases {
		if len(c.modifies) > 0 {
			fmt.Fprintf(b, "\tcase %s:\n\t\treturn %#v\n", c.goName, c.fields())
		}
		if c.cancels {
			cancels = append(cancels, c.goName)
		}
	}
	fmt.Fprintf(b, "\t}\n\treturn nil\n}\n\n// Cancels reports whether a plugin may stop what it is asked about at this hook.\nfunc (v %s) Cancels() bool {\n", t.goName)
	if len(cancels) == 0 {
		b.WriteString("\treturn false\n}\n\n")
		return
	}
	fmt.Fprintf(b, "\tswitch v {\n\tcase %s:\n\t\treturn true\n\t}\n\treturn false\n}\n\n", strings.Join(cancels, ", "))
}

// fields are what may be modified, as they are called in JSON.
func (c *enumCase) fields() []string {
	var names []string
	for _, name := range c.modifies {
		names = append(names, c.event.field(name).json)
	}
	return names
}

func emitRecord(b *bytes.Buffer, t *typ) {
	emitDoc(b, "", typeDoc(t))
	fmt.Fprintf(b, "type %s struct {\n", t.goName)
	for _, f := range t.fields {
		emitDoc(b, "\t", f.doc)
		fmt.Fprintf(b, "\t%s %s `json:%q`\n", f.goName, goType(f), f.json+tagOption(f))
	}
	b.WriteString("}\n\n")
}

func typeDoc(t *typ) string { return sentence(t.goName, t.doc) }

// sentence makes a Go comment of documentation, which continues the name to a sentence: "Says what …" as
// "Code says what …", "A part of …" and "What happened …" with "is" between.
func sentence(name, doc string) string {
	first, rest, _ := strings.Cut(doc, " ")
	switch first {
	case "A", "An", "The", "One", "All", "What", "How", "Why", "Where", "Who", "Which", "When", "Somebody":
		return name + " is " + strings.ToLower(first) + " " + rest
	}
	if strings.HasSuffix(first, "s") {
		return name + " " + strings.ToLower(first) + " " + rest
	}
	return name + ": " + doc
}

// tagOption makes encoding/json leave out what AppendJSON leaves out.
func tagOption(f *field) string {
	if f.kind == kindRecord && !f.option && !f.list {
		return ",omitzero"
	}
	return ",omitempty"
}

func goType(f *field) string {
	t := string(f.kind)
	if f.named != nil {
		t = f.named.goName
	}
	switch {
	case f.list:
		return "[]" + t
	case f.option && f.kind != kindJSON && f.kind != kindBytes:
		return "*" + t
	}
	return t
}

func emitDoc(b *bytes.Buffer, indent, doc string) {
	if doc == "" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSpace(doc), "\n") {
		b.WriteString(strings.TrimRight(indent+"// "+line, " ") + "\n")
	}
}
