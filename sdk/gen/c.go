package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

const cDir = "sdk/c"

// baseC is what of the C header the contract does not say. Two comments in it are the places of what it does.
//
//go:embed base.h
var baseC string

// addC adds the C header.
func (o output) addC(m *model) error {
	o.addText(path.Join(cDir, "carapace.h"), m, emitC)
	return nil
}

func emitC(b *bytes.Buffer, m *model) {
	var records, functions bytes.Buffer
	emitRecordsC(&records, m)
	emitFunctionsC(&functions, m)
	b.WriteString(strings.NewReplacer("/*records*/\n", records.String(), "/*functions*/\n", functions.String()).Replace(baseC))
}

// nameC is a type's name, without its prefix.
func nameC(t *typ) string { return snake(t.name) }

// fieldC is a field's name.
func fieldC(f *field) string {
	name := snake(f.name)
	if slices.Contains([]string{"signed", "default", "register", "auto", "long", "short", "static", "union"}, name) {
		return name + "_"
	}
	return name
}

func upperC(name string) string { return "CARAPACE_" + strings.ToUpper(snake(name)) }

func emitRecordsC(b *bytes.Buffer, m *model) {
	records, enums := passing(m)
	for _, t := range enums {
		emitDoc(b, "", t.doc)
		fmt.Fprintf(b, "typedef enum {\n  %s_UNKNOWN = -1, // one of a later contract\n", upperC(t.name))
		for _, c := range t.cases {
			emitDoc(b, "  ", c.doc)
			fmt.Fprintf(b, "  %s_%s,\n", upperC(t.name), strings.ToUpper(snake(c.name)))
		}
		fmt.Fprintf(b, "} carapace_%s;\n\n", nameC(t))
	}
	for _, t := range records {
		fmt.Fprintf(b, "typedef struct carapace_%[1]s carapace_%[1]s;\n", nameC(t))
	}
	b.WriteString("\n")
	for _, t := range within(records) {
		emitStructC(b, t)
	}
	for _, t := range slices.Concat(enums, records) {
		fmt.Fprintf(b, "static const carapace_type carapace_%s_type;\n", nameC(t))
	}
	b.WriteString("\n")
	for _, t := range enums {
		var cases []string
		for _, c := range t.cases {
			cases = append(cases, fmt.Sprintf("%q", c.value))
		}
		fmt.Fprintf(b, "static const char *const carapace_%[1]s_cases_[] = {%[2]s};\nstatic const carapace_type carapace_%[1]s_type = {.cases = carapace_%[1]s_cases_, .count = %[3]d};\n",
			nameC(t), strings.Join(cases, ", "), len(cases))
	}
	for _, t := range records {
		emitTableC(b, t)
	}
	b.WriteString("\n")
}

// passing lists the records that pass between a plugin and the gateway, and the enums that are in them.
func passing(m *model) (records, enums []*typ) {
	passes := directions(m)
	used := map[*typ]bool{}
	for t := range passes {
		for _, f := range t.fields {
			used[f.named] = true
		}
	}
	for _, i := range m.interfaces {
		for _, t := range i.types {
			switch {
			case t.enum() && used[t]:
				enums = append(enums, t)
			case !t.enum() && passes[t] != direction{}:
				records = append(records, t)
			}
		}
	}
	return records, enums
}

// within orders records so that each comes behind those that are parts of it.
func within(records []*typ) (ordered []*typ) {
	var add func(t *typ)
	add = func(t *typ) {
		if slices.Contains(ordered, t) {
			return
		}
		for _, f := range t.fields {
			if f.kind == kindRecord && !f.option && !f.list {
				add(f.named)
			}
		}
		ordered = append(ordered, t)
	}
	for _, t := range records {
		add(t)
	}
	return ordered
}

// typesC are the types of values, and what a table calls them.
var typesC = map[kind][2]string{
	kindString: {"carapace_text", "TEXT"}, kindBool: {"bool", "BOOL"}, kindJSON: {"carapace_json", "JSON"}, kindBytes: {"carapace_bytes", "BYTES"},
	kindU16: {"uint16_t", "U16"}, kindU32: {"uint32_t", "U32"}, kindU64: {"uint64_t", "U64"}, kindS32: {"int32_t", "S32"}, kindS64: {"int64_t", "S64"},
	kindF64: {"double", "F64"}, kindEnum: {"", "ENUM"}, kindRecord: {"", "RECORD"},
}

func emitStructC(b *bytes.Buffer, t *typ) {
	emitDoc(b, "", t.doc)
	fmt.Fprintf(b, "struct carapace_%s {\n", nameC(t))
	for _, f := range t.fields {
		emitDoc(b, "  ", f.doc)
		if words := f.words(); words != "" {
			emitDoc(b, "  ", "Bounds: "+words+".")
		}
		name := typesC[f.kind][0]
		if f.named != nil {
			name = "carapace_" + nameC(f.named)
		}
		switch {
		case f.list:
			fmt.Fprintf(b, "  const %s *%s;\n  size_t %[2]s_count;\n", name, fieldC(f))
		case f.option && f.kind != kindString && f.kind != kindJSON && f.kind != kindBytes:
			fmt.Fprintf(b, "  const %s *%s; // optional\n", name, fieldC(f))
		case f.option:
			fmt.Fprintf(b, "  %s %s; // optional\n", name, fieldC(f))
		default:
			fmt.Fprintf(b, "  %s %s;\n", name, fieldC(f))
		}
	}
	b.WriteString("};\n\n")
}

func emitTableC(b *bytes.Buffer, t *typ) {
	name := "carapace_" + nameC(t)
	fmt.Fprintf(b, "static const carapace_field %s_fields_[] = {\n", name)
	for _, f := range t.fields {
		of, shape := "NULL", "ONE"
		if f.named != nil {
			of = "&carapace_" + nameC(f.named) + "_type"
		}
		switch {
		case f.list:
			shape = "LIST"
		case f.option:
			shape = "OPTION"
		}
		fmt.Fprintf(b, "  {%q, %s, offsetof(%s, %s), CARAPACE_%s_, CARAPACE_%s_},\n", f.json, of, name, fieldC(f), typesC[f.kind][1], shape)
	}
	fmt.Fprintf(b, "};\nstatic const carapace_type %[1]s_type = {.fields = %[1]s_fields_, .size = sizeof(%[1]s), .count = %[2]d};\n", name, len(t.fields))
}

func emitFunctionsC(b *bytes.Buffer, m *model) {
	for _, f := range m.imports {
		param, name, out, argument := "carapace_"+nameC(f.param), snake(f.paramName), "NULL, NULL", ""
		if f.result != nil {
			out, argument = "&carapace_"+nameC(f.result)+"_type, result", ", carapace_"+nameC(f.result)+" *result"
		}
		fmt.Fprintf(b, "CARAPACE_IMPORT(\"extism:host/user\", %q) uint64_t carapace_imported_%[1]s_(uint64_t);\n", f.name)
		emitDoc(b, "", f.doc)
		fmt.Fprintf(b, "static inline bool carapace_host_%[1]s(const %[2]s *%[3]s%[4]s) { return carapace_ask_(%[1]s, &%[2]s_type, %[3]s, %[5]s); }\n\n",
			f.name, param, name, argument, out)
	}
	for _, f := range m.exports {
		in, out := "carapace_"+nameC(f.param), "carapace_"+nameC(f.result)
		emitDoc(b, "", f.doc+fmt.Sprintf("\nThe handler is `static bool name(const %s *%s, %s *result)`.", in, snake(f.paramName), out))
		fmt.Fprintf(b, "#define %s(handler) CARAPACE_EXPORT_(%s, %s, %s, handler)\n\n", upperC(strings.ReplaceAll(f.name, "_", "-")), f.name, in, out)
	}
}
