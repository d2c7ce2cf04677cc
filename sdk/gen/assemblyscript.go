package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
)

const asDir = "sdk/as"

// addAS adds the records and functions of the AssemblyScript SDK.
func (o output) addAS(m *model) error {
	o.addText(path.Join(asDir, "assembly", "contract.ts"), m, emitAS)
	return nil
}

// emitAS emits a namespace for each enum, a class for each record that passes between a plugin and the gateway, and a
// function for each import and export. What a plugin does not use of it, the compiler leaves out.
func emitAS(b *bytes.Buffer, m *model) {
	b.WriteString("import { ask, serve, tell } from \"./abi\";\nimport { Boxed, Json, Reader, Record, Writer, readList } from \"./json\";\n\n")
	passes := directions(m)
	for _, i := range m.interfaces {
		for _, t := range i.types {
			switch {
			case t.enum():
				emitCasesAS(b, t)
			case passes[t] != direction{}:
				emitClassAS(b, t)
			}
		}
	}
	for _, f := range m.exports {
		emitJSDoc(b, "", f.doc, "The plugin's entry file exports `"+f.name+"`, which returns this.")
		fmt.Fprintf(b, "export function %s(handler: (%s: %s) => %s | null): i32 {\n  return serve<%[3]s, %[4]s>(handler);\n}\n\n",
			f.goName(), camel(f.paramName), tsName(f.param), tsName(f.result))
	}
	for _, f := range m.imports {
		emitImportAS(b, f)
	}
}

// emitCasesAS emits the texts that an enum's cases are on the wire; a case that is not known stays what it is.
func emitCasesAS(b *bytes.Buffer, t *typ) {
	emitJSDoc(b, "", t.doc)
	fmt.Fprintf(b, "export namespace %s {\n", tsName(t))
	for _, c := range t.cases {
		emitJSDoc(b, "  ", c.doc)
		fmt.Fprintf(b, "  export const %s: string = %q;\n", wordAS(camel(c.name)), c.value)
	}
	b.WriteString("}\n\n")
}

// wordAS is a name that is no word of the language.
func wordAS(name string) string {
	if slices.Contains([]string{"delete", "default", "new", "in", "of", "is", "as"}, name) {
		return name + "_"
	}
	return name
}

func emitClassAS(b *bytes.Buffer, t *typ) {
	emitJSDoc(b, "", t.doc)
	fmt.Fprintf(b, "export class %s implements Record {\n", tsName(t))
	for _, f := range t.fields {
		words := f.words()
		if words != "" {
			words = "Bounds: " + words + "."
		}
		if f.kind == kindEnum {
			words = "One of " + tsName(f.named) + ". " + words
		}
		emitJSDoc(b, "  ", f.doc, words)
		kind, zero := typeAS(f)
		fmt.Fprintf(b, "  %s: %s = %s;\n", f.json, kind, zero)
	}
	b.WriteString("\n  read(r: Reader): void {\n    if (!r.object()) return;\n    while (r.next()) {\n      const key = r.key;\n      ")
	for _, f := range t.fields {
		fmt.Fprintf(b, "if (key == %q) this.%s = %s;\n      else ", f.json, f.json, readAS(f))
	}
	b.WriteString("r.skip();\n    }\n  }\n\n  write(w: Writer): void {\n    w.open();\n")
	for _, f := range t.fields {
		emitWriteAS(b, f)
	}
	b.WriteString("    w.close();\n  }\n}\n\n")
}

// numbersAS are the types of numbers.
var numbersAS = map[kind]string{kindU16: "u16", kindU32: "u32", kindU64: "u64", kindS32: "i32", kindS64: "i64", kindF64: "f64"}

// typeAS is a field's type, and the value that stands for none.
func typeAS(f *field) (kind, zero string) {
	switch f.kind {
	case kindString:
		kind, zero = "string", `""`
	case kindEnum:
		kind, zero = "string", strconv.Quote(f.named.cases[0].value)
	case kindBool:
		kind, zero = "bool", "false"
	case kindJSON:
		kind, zero = "Json", "new Json()"
	case kindBytes:
		kind, zero = "Uint8Array", "new Uint8Array(0)"
	case kindRecord:
		kind, zero = tsName(f.named), "new "+tsName(f.named)+"()"
	default:
		kind, zero = numbersAS[f.kind], "0"
	}
	switch {
	case f.list:
		return kind + "[]", "[]"
	case f.option && numbersAS[f.kind] != "":
		return "Boxed<" + kind + "> | null", "null"
	case f.option:
		return kind + " | null", "null"
	}
	return kind, zero
}

func readAS(f *field) string {
	_, zero := typeAS(f)
	read := ""
	switch f.kind {
	case kindString:
		read = "r.text()"
	case kindEnum:
		read = fmt.Sprintf("r.word(%q)", f.named.cases[0].value)
	case kindBool:
		read = "r.bool()"
	case kindJSON:
		read = "r.json()"
	case kindBytes:
		read = "r.bytes()"
	case kindRecord:
		read = "r.record<" + tsName(f.named) + ">()"
	case kindF64:
		read = "r.float()"
	default:
		read = "r.int<" + numbersAS[f.kind] + ">()"
	}
	switch {
	case f.list && f.kind == kindRecord:
		return "readList<" + tsName(f.named) + ">(r)"
	case f.list:
		return "r.texts()"
	case f.option && numbersAS[f.kind] != "":
		return fmt.Sprintf("r.absent() ? null : new Boxed<%s>(%s)", numbersAS[f.kind], read)
	case f.option:
		return "r.absent() ? null : " + read
	case f.kind == kindRecord:
		return fmt.Sprintf("r.absent() ? %s : %s", zero, read)
	}
	return read
}

// emitWriteAS emits the line that writes a field that is not zero.
func emitWriteAS(b *bytes.Buffer, f *field) {
	v, there := "this."+f.json, ""
	if f.option {
		v = wordAS(f.json)
		there = v + " !== null"
		fmt.Fprintf(b, "    const %s = this.%s;\n", v, f.json)
		if numbersAS[f.kind] != "" {
			v += ".value"
		}
	}
	write := ""
	switch {
	case f.list && f.kind == kindRecord:
		write, there = fmt.Sprintf("w.list<%s>(%s)", tsName(f.named), v), v+".length > 0"
	case f.list:
		write, there = fmt.Sprintf("w.texts(%s)", v), v+".length > 0"
	case f.kind == kindRecord:
		write = fmt.Sprintf("%s.write(w)", v)
	case f.kind == kindJSON:
		write, there = fmt.Sprintf("w.json(%s)", v), and(there, v+".raw.length > 0")
	case f.kind == kindBytes:
		write, there = fmt.Sprintf("w.bytes(%s)", v), or(there, v+".length > 0")
	case f.kind == kindBool:
		write, there = "w.bool("+v+")", or(there, v)
	case f.kind == kindString, f.kind == kindEnum:
		write, there = "w.text("+v+")", or(there, v+".length > 0")
	case f.kind == kindF64:
		write, there = "w.float("+v+")", or(there, v+" != 0")
	case f.kind == kindU64:
		write, there = "w.number("+v+".toString())", or(there, v+" != 0")
	default:
		write, there = fmt.Sprintf("w.number((<i64>%s).toString())", v), or(there, v+" != 0")
	}
	indent := "    "
	if there != "" {
		fmt.Fprintf(b, "    if (%s) {\n", there)
		indent += "  "
		defer b.WriteString("    }\n")
	}
	fmt.Fprintf(b, "%[1]sw.key(%[2]q);\n%[1]s%[3]s;\n", indent, f.json, write)
}

// or is a condition, or another where there is none.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// and is two conditions, of which the first may be none.
func and(a, b string) string {
	if a == "" {
		return b
	}
	return a + " && " + b
}

func emitImportAS(b *bytes.Buffer, f *function) {
	fmt.Fprintf(b, "/* @ts-ignore: decorator */\n@external(\"extism:host/user\", %q)\ndeclare function %[1]s(offset: u64): u64;\n\n", f.name)
	emitJSDoc(b, "", f.doc)
	param, result := tsName(f.param), "Nothing"
	if f.result != nil {
		result = tsName(f.result)
		fmt.Fprintf(b, "export function %s(%s: %s): %s | null {\n  return ask<%[3]s, %[4]s>(%[2]s, %[5]s);\n}\n\n", f.goName(), camel(f.paramName), param, result, f.name)
		return
	}
	fmt.Fprintf(b, "export function %s(%s: %s): void {\n  tell<%[3]s>(%[2]s, %[4]s);\n}\n\n", f.goName(), camel(f.paramName), param, f.name)
}
