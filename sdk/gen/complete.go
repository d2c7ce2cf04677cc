package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// emitRecords emits, for each record that arrives, the function that completes it, and which functions of the contract
// have which. It is code and not a table, for it runs at every call.
func emitRecords(b *bytes.Buffer, m *model) {
	passes := directions(m)
	b.WriteString("const records = {\n  __proto__: null,\n")
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if !passes[t].arrives {
				continue
			}
			fmt.Fprintf(b, "  %s(v) {\n", tsName(t))
			for _, f := range t.fields {
				emitCompletion(b, t, f)
			}
			b.WriteString("  },\n")
		}
	}
	b.WriteString("};\n\n// What each function is called in a plugin, and takes; what each import answers; what each hook is asked about.\nconst functions = {\n  __proto__: null,\n")
	for _, f := range m.exports {
		fmt.Fprintf(b, "  %s: { name: %q, takes: records.%s },\n", f.name, f.goName(), tsName(f.param))
	}
	b.WriteString("};\n\nconst answers = {\n  __proto__: null,\n")
	for _, f := range m.imports {
		if f.result != nil {
			fmt.Fprintf(b, "  %s: records.%s,\n", f.name, tsName(f.result))
		}
	}
	b.WriteString("};\n\nconst hookEvents = {\n  __proto__: null,\n")
	for _, c := range m.hooks() {
		if c.event != nil {
			fmt.Fprintf(b, "  %s: records.%s,\n", c.value, tsName(c.event))
		}
	}
	b.WriteString("};\n")
}

// emitCompletion emits the line that completes a field: it does nothing where the field is there and of its type.
func emitCompletion(b *bytes.Buffer, t *typ, f *field) {
	v, name := "v."+f.json, strconv.Quote(f.json)
	kind, zero := "number", "0"
	switch f.kind {
	case kindString:
		kind, zero = "string", `""`
	case kindBool:
		kind, zero = "boolean", "false"
	case kindEnum:
		kind, zero = "string", strconv.Quote(f.named.cases[0].value)
	}
	line := ""
	switch there := v + " !== undefined && " + v + " !== null"; {
	case f.list && f.kind == kindRecord:
		line = fmt.Sprintf("%s = list(%[1]s, %s, records.%s);", v, name, tsName(f.named))
	case f.list:
		line = fmt.Sprintf("%s = texts(%[1]s, %s);", v, name)
	case f.kind == kindJSON && t.hookEvent() && f.name == "event":
		line = fmt.Sprintf("%s = hookEvent(%[1]s, %s, v.name);", v, name)
	case f.kind == kindJSON && f.option:
		return
	case f.kind == kindJSON:
		line = fmt.Sprintf("if (%s === undefined) %[1]s = null;", v)
	case f.kind == kindRecord && f.option:
		line = fmt.Sprintf("if (%s) record(%s, %s, records.%s);", there, v, name, tsName(f.named))
	case f.kind == kindRecord:
		line = fmt.Sprintf("%s = record(%[1]s ?? {}, %s, records.%s);", v, name, tsName(f.named))
	case f.kind == kindBytes && f.option:
		line = fmt.Sprintf("if (%s) %s = bytes(%[2]s, %s);", there, v, name)
	case f.kind == kindBytes:
		line = fmt.Sprintf("%s = bytes(%[1]s ?? \"\", %s);", v, name)
	case f.option:
		line = fmt.Sprintf("if (typeof %[1]s !== %[2]q && %[1]s !== undefined) %[1]s = missing(%[1]s, %[3]s, undefined, %[2]q);", v, kind, name)
	default:
		line = fmt.Sprintf("if (typeof %[1]s !== %[2]q) %[1]s = %[1]s === undefined ? %[4]s : missing(%[1]s, %[3]s, %[4]s, %[2]q);", v, kind, name, zero)
	}
	b.WriteString("    " + line + "\n")
}
