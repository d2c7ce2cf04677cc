package main

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const rustDir = "sdk/rust/src"

// addRust adds to the SDK for Rust the contract's records with their codecs, the traits of what a plugin can be, and the
// functions that it may call, also those of a test's gateway.
func (o output) addRust(m *model) error {
	used := m.passing()
	var modules []*iface
	for _, i := range m.interfaces {
		if !slices.ContainsFunc(i.types, func(t *typ) bool { return used[t] }) {
			continue
		}
		modules = append(modules, i)
		o.addText(path.Join(rustDir, "contract", i.name+".rs"), m, func(b *bytes.Buffer, _ *model) { emitRustModule(b, i, used) })
	}
	slices.SortFunc(modules, func(a, b *iface) int { return strings.Compare(a.name, b.name) })
	o.addText(path.Join(rustDir, "contract", "mod.rs"), m, func(b *bytes.Buffer, m *model) { emitRustContract(b, m, modules) })
	o.addText(path.Join(rustDir, "contract", "patterns.rs"), m, func(b *bytes.Buffer, m *model) { emitRustPatterns(b, m, used) })
	o.addText(path.Join(rustDir, "kinds.rs"), m, emitRustKinds)
	o.addText(path.Join(rustDir, "imports.rs"), m, emitRustImports)
	o.addText(path.Join(rustDir, "test", "imports.rs"), m, emitRustTestHost)
	return nil
}

// passing are the types that pass between a plugin and the kernel, and so not the manifest's own.
func (m *model) passing() map[*typ]bool {
	used := map[*typ]bool{}
	for t := range directions(m) {
		used[t] = true
		for _, f := range t.fields {
			if f.named != nil {
				used[f.named] = true
			}
		}
	}
	return used
}

// rustName is a type's or a case's name in Rust.
func rustName(kebab string) string {
	name := camel(kebab)
	return strings.ToUpper(name[:1]) + name[1:]
}

// rustWords are the words of the language that no field and no function may be called.
var rustWords = []string{"as", "async", "box", "const", "crate", "dyn", "enum", "final", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod",
	"move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "try", "type", "use", "virtual", "where", "while", "yield"}

// rustField is the name of a field or of a parameter. The word self cannot be escaped.
func rustField(kebab string) string {
	name := snake(kebab)
	switch {
	case name == "self" || name == "super" || name == "crate":
		return name + "_"
	case slices.Contains(rustWords, name):
		return "r#" + name
	}
	return name
}

func emitRustContract(b *bytes.Buffer, m *model, modules []*iface) {
	b.WriteString("//! The contract's records.\n\n")
	tables := false // the file of the patterns, where it belongs in the alphabet
	for _, i := range modules {
		if !tables && i.name > "patterns" {
			b.WriteString("#[cfg(not(target_family = \"wasm\"))]\nmod patterns;\n")
			tables = true
		}
		fmt.Fprintf(b, "mod %s;\n", i.name)
	}
	b.WriteString("\n")
	for _, i := range modules {
		fmt.Fprintf(b, "pub use %s::*;\n", i.name)
	}
	major, _, _ := strings.Cut(m.version, ".")
	fmt.Fprintf(b, "\n/// The version of the contract.\npub const ABI: u32 = %s;\n\n/// Bounds of what is no field: how often a function may be called, how many records there may be.\npub mod limits {\n", orZero(major))
	emit := func(of string, limits []limit) {
		for _, l := range limits {
			fmt.Fprintf(b, "    /// %s.\n    pub const %s: u64 = %d;\n", l.text, strings.ToUpper(snake(of+l.name)), l.value)
		}
	}
	emit("", m.limits)
	for _, i := range m.interfaces {
		emit(i.name+"-", i.attrs.limits)
	}
	b.WriteString("}\n")
}

func emitRustModule(b *bytes.Buffer, i *iface, used map[*typ]bool) {
	var body bytes.Buffer
	other := map[string]bool{}
	for _, t := range i.types {
		switch {
		case !used[t]:
		case t.enum():
			emitRustEnum(&body, t)
		default:
			emitRustRecord(&body, t)
			for _, f := range t.fields {
				if f.named != nil && !slices.Contains(i.types, f.named) {
					other[rustName(f.named.name)] = true
				}
				if f.kind == kindJSON {
					other["Json"] = true
				}
			}
		}
	}
	if bytes.Contains(body.Bytes(), []byte("&patterns::")) {
		b.WriteString("#[cfg(not(target_family = \"wasm\"))]\nuse super::patterns;\n")
	}
	json := other["Json"]
	delete(other, "Json")
	switch names := slices.Sorted(maps.Keys(other)); len(names) {
	case 0:
	case 1:
		fmt.Fprintf(b, "use super::%s;\n", names[0])
	default:
		b.WriteString(rustUse(names))
	}
	if bytes.Contains(body.Bytes(), []byte("p: &mut Problems")) {
		names := "Problems"
		if bytes.Contains(body.Bytes(), []byte("Bounds::new")) {
			names = "{Bounds, Problems}"
		}
		fmt.Fprintf(b, "#[cfg(not(target_family = \"wasm\"))]\nuse crate::check::%s;\n", names)
	}
	b.WriteString("use crate::codec::{Reader, Value, Writer};\n")
	if json {
		b.WriteString("use crate::json::Json;\n")
	}
	b.WriteString("\n")
	b.Write(body.Bytes())
}

func emitRustEnum(b *bytes.Buffer, t *typ) {
	name := rustName(t.name)
	emitRustDoc(b, "", t.doc)
	fmt.Fprintf(b, "#[derive(Clone, Debug, Default, PartialEq, Eq)]\n#[non_exhaustive]\npub enum %s {\n", name)
	for n, c := range t.cases {
		emitRustDoc(b, "    ", caseDoc(&c))
		if n == 0 {
			b.WriteString("    #[default]\n")
		}
		fmt.Fprintf(b, "    %s,\n", rustName(c.name))
	}
	b.WriteString("    /// A case of a later contract.\n    Unknown(String),\n}\n\n")
	fmt.Fprintf(b, "impl %s {\n    /// The case as the contract writes it.\n    pub fn as_str(&self) -> &str {\n        match self {\n", name)
	for _, c := range t.cases {
		fmt.Fprintf(b, "            Self::%s => %q,\n", rustName(c.name), c.value)
	}
	b.WriteString("            Self::Unknown(case) => case,\n        }\n    }\n}\n\n")
	fmt.Fprintf(b, "impl Value for %s {\n    fn read(r: &mut Reader) -> Self {\n        let case = String::read(r);\n        match case.as_str() {\n", name)
	for n, c := range t.cases {
		alternative := ""
		if n == 0 {
			alternative = `"" | `
		}
		fmt.Fprintf(b, "            %s%q => Self::%s,\n", alternative, c.value, rustName(c.name))
	}
	b.WriteString("            _ => Self::Unknown(case),\n        }\n    }\n\n")
	fmt.Fprintf(b, "    fn write(&self, w: &mut Writer) {\n        w.text(self.as_str());\n    }\n\n    fn is_zero(&self) -> bool {\n        *self == Self::%s\n    }\n", rustName(t.cases[0].name))
	if !t.open {
		b.WriteString("\n    #[cfg(not(target_family = \"wasm\"))]\n    fn check(&self, p: &mut Problems) {\n        if let Self::Unknown(case) = self {\n            p.unknown(case);\n        }\n    }\n")
	}
	b.WriteString("}\n\n")
}

// caseDoc says what a case means, and of a hook what it may do.
func caseDoc(c *enumCase) string {
	said := c.doc
	if len(c.modifies) > 0 {
		said = strings.TrimPrefix(said+"; may modify `"+strings.Join(c.fields(), "`, `")+"`", "; ")
	}
	if c.cancels {
		said = strings.TrimPrefix(said+"; may cancel", "; ")
	}
	return said
}

func emitRustRecord(b *bytes.Buffer, t *typ) {
	name := rustName(t.name)
	emitRustDoc(b, "", t.doc)
	fmt.Fprintf(b, "#[derive(Clone, Debug, Default, PartialEq)]\npub struct %s {\n", name)
	for _, f := range t.fields {
		words := f.words()
		if words != "" {
			words = "Bounds: " + words + "."
		}
		emitRustDoc(b, "    ", f.doc, words)
		fmt.Fprintf(b, "    pub %s: %s,\n", rustField(f.name), rustType(f))
	}
	b.WriteString("}\n\n")
	emitRustBounds(b, t)
	fmt.Fprintf(b, "impl Value for %s {\n    fn read(r: &mut Reader) -> Self {\n        let mut v = Self::default();\n        let mut fields = r.object();\n        while let Some(name) = fields.next(r) {\n            match &*name {\n", name)
	for _, f := range t.fields {
		fmt.Fprintf(b, "                %q => v.%s = Value::read(r),\n", f.json, rustField(f.name))
	}
	b.WriteString("                _ => r.skip(),\n            }\n        }\n        v\n    }\n\n    fn write(&self, w: &mut Writer) {\n        w.begin();\n")
	for _, f := range t.fields {
		method := "field"
		switch {
		case f.kind == kindRecord && !f.option && !f.list:
			method = "record"
		case f.kind == kindEnum && !f.option && !f.list && f.own.required:
			method = "always"
		}
		fmt.Fprintf(b, "        w.%s(\"\\\"%s\\\":\", &self.%s);\n", method, f.json, rustField(f.name))
	}
	b.WriteString("        w.end();\n    }\n")
	emitRustCheck(b, t)
	b.WriteString("}\n\n")
}

// emitRustBounds emits a constant for each bound and default that a plugin's author may compute with.
func emitRustBounds(b *bytes.Buffer, t *typ) {
	var list bytes.Buffer
	row := func(doc, name string, n int64) {
		fmt.Fprintf(&list, "    /// %s\n    pub const %s: u64 = %d;\n", doc, name, n)
	}
	for _, f := range t.fields {
		name := strings.ToUpper(snake(f.name))
		if f.own.hasMax && f.own.max >= 0 {
			row("The most that `"+f.json+"` may be.", name+"_MAX", f.own.max)
		}
		if f.own.cut > 0 {
			row("Where `"+f.json+"` is cut.", name+"_CUT", f.own.cut)
		}
		if n, err := quantity(f.def); err == nil && f.def != "" && f.kind.number() {
			row("What a `"+f.json+"` of 0 stands for.", name+"_DEFAULT", n)
		}
	}
	if list.Len() > 0 {
		fmt.Fprintf(b, "impl %s {\n%s}\n\n", rustName(t.name), list.String())
	}
}

func rustType(f *field) string {
	name := ""
	switch f.kind {
	case kindString:
		name = "String"
	case kindBool:
		name = "bool"
	case kindJSON:
		name = "Json"
	case kindBytes:
		name = "Vec<u8>"
	case kindEnum, kindRecord:
		name = rustName(f.named.name)
	case kindF64:
		name = "f64"
	default:
		name = map[kind]string{kindU16: "u16", kindU32: "u32", kindU64: "u64", kindS32: "i32", kindS64: "i64"}[f.kind]
	}
	switch {
	case f.list:
		return "Vec<" + name + ">"
	case f.option:
		return "Option<" + name + ">"
	}
	return name
}

// rustText keeps what the documentation says from being taken for links and tags.
var rustText = strings.NewReplacer("[", `\[`, "]", `\]`, "<", `\<`)

func emitRustDoc(b *bytes.Buffer, indent string, parts ...string) {
	first := true
	for _, part := range parts {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if !first {
			b.WriteString(indent + "///\n")
		}
		first = false
		for line := range strings.SplitSeq(part, "\n") {
			words := strings.Split(line, "`")
			for n := 0; n < len(words); n += 2 { // not what stands in backticks
				words[n] = rustText.Replace(words[n])
			}
			b.WriteString(strings.TrimRight(indent+"/// "+strings.Join(words, "`"), " ") + "\n")
		}
	}
}

// rustWidth is how long a line of Rust is at most, as in rustfmt.toml.
const rustWidth = 130

// rustUse imports names of the contract, as rustfmt writes it.
func rustUse(names []string) string {
	if line := "use super::{" + strings.Join(names, ", ") + "};"; len(line) <= rustWidth {
		return line + "\n"
	}
	var b strings.Builder
	b.WriteString("use super::{\n")
	line := "   "
	for _, name := range names {
		if len(line)+len(" ,")+len(name) > rustWidth {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + name + ","
	}
	b.WriteString(line + "\n};\n")
	return b.String()
}
