package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

const zigDir = "sdk/zig"

// baseZig is what of the Zig file the contract does not say.
//
//go:embed base.zig
var baseZig string

// addZig adds the file of the Zig SDK.
func (o output) addZig(m *model) error {
	o.addText(path.Join(zigDir, "carapace.zig"), m, emitZig)
	return nil
}

func emitZig(b *bytes.Buffer, m *model) {
	b.WriteString(baseZig)
	emitHostZig(b, m)
	records, enums := passing(m)
	for _, t := range enums {
		emitDocZig(b, "", t.doc)
		fmt.Fprintf(b, "pub const %s = enum {\n", tsName(t))
		for _, c := range t.cases {
			emitDocZig(b, "    ", c.doc)
			fmt.Fprintf(b, "    %s,\n", wordZig(snake(c.name)))
		}
		b.WriteString("    /// One of a later contract.\n    unknown,\n};\n\n")
	}
	for _, t := range records {
		emitDocZig(b, "", t.doc)
		fmt.Fprintf(b, "pub const %s = struct {\n", tsName(t))
		for _, f := range t.fields {
			words := f.words()
			if words != "" {
				words = "Bounds: " + words + "."
			}
			emitDocZig(b, "    ", f.doc, words)
			fmt.Fprintf(b, "    %s: %s,\n", wordZig(snake(f.name)), typeZig(f))
		}
		b.WriteString("};\n\n")
	}
}

// emitHostZig emits the functions that can be asked of the gateway, and what each export takes and answers.
func emitHostZig(b *bytes.Buffer, m *model) {
	b.WriteString("/// What the gateway may be asked.\npub const host = struct {\n")
	for n, f := range m.imports {
		if n > 0 {
			b.WriteString("\n")
		}
		result := "void"
		if f.result != nil {
			result = tsName(f.result)
		}
		emitDocZig(b, "    ", f.doc)
		fmt.Fprintf(b, "    pub fn %s(%s: %s) Failure!%s {\n        return ask(%q, %[2]s, %[4]s);\n    }\n", f.goName(), snake(f.paramName), tsName(f.param), result, f.name)
	}
	b.WriteString("};\n\n/// What a plugin may export: what its handlers take and answer.\npub const exports = struct {\n")
	for _, f := range m.exports {
		emitDocZig(b, "    ", f.doc)
		fmt.Fprintf(b, "    pub const %s = .{ %s, %s };\n", f.name, tsName(f.param), tsName(f.result))
	}
	b.WriteString("};\n\n")
}

func emitDocZig(b *bytes.Buffer, indent string, parts ...string) {
	for _, part := range parts {
		if part == "" {
			continue
		}
		for line := range strings.SplitSeq(strings.TrimSpace(part), "\n") {
			b.WriteString(strings.TrimRight(indent+"/// "+line, " ") + "\n")
		}
	}
}

// wordZig is a name, quoted where it is a word of the language.
func wordZig(name string) string {
	if slices.Contains([]string{"error", "opaque", "test", "align", "var", "const", "fn", "pub", "try", "and", "or", "suspend", "resume", "export", "switch", "struct", "enum", "union", "inline", "return", "continue", "break", "if", "else", "for", "while", "defer", "catch", "async", "await", "asm"}, name) {
		return `@"` + name + `"`
	}
	return name
}

// typeZig is a field's type, and the value that stands for none.
func typeZig(f *field) string {
	kind, zero := "", "0"
	switch f.kind {
	case kindString:
		kind, zero = "[]const u8", `""`
	case kindBool:
		kind, zero = "bool", "false"
	case kindJSON:
		kind, zero = "Json", ".null"
	case kindBytes:
		kind, zero = "Bytes", ".{}"
	case kindRecord:
		kind, zero = tsName(f.named), ".{}"
	case kindEnum:
		kind, zero = tsName(f.named), "."+wordZig(snake(f.named.cases[0].name))
	case kindS32, kindS64:
		kind = "i" + strings.TrimPrefix(string(f.kind), "int")
	case kindF64:
		kind = "f64"
	default:
		kind = "u" + strings.TrimPrefix(string(f.kind), "uint")
	}
	switch {
	case f.list:
		return "[]const " + kind + " = &.{}"
	case f.option && f.kind == kindJSON:
		return "?Json = null"
	case f.option:
		return "?" + kind + " = null"
	}
	return kind + " = " + zero
}
