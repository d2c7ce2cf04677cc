package main

import (
	"bytes"
	"fmt"
)

func emitCodecs(b *bytes.Buffer, i *iface) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/wit/codec\"\n\n")
	for _, t := range i.types {
		if t.enum() {
			emitEnumReader(b, t)
			continue
		}
		emitAppend(b, t)
		emitRead(b, t)
		emitStandard(b, t)
	}
}

func emitEnumReader(b *bytes.Buffer, t *typ) {
	fmt.Fprintf(b, `// ReadJSON reads a case. What is missing is the first case; unknown ones are kept.
func (v *%[1]s) ReadJSON(r *codec.Reader) {
	*v = %[1]s(r.Case())
	if *v == "" {
		*v = %[2]s
	} else if !v.Valid() {
		r.UnknownCase()
	}
}

`, t.goName, t.cases[0].goName)
}

func emitAppend(b *bytes.Buffer, t *typ) {
	fmt.Fprintf(b, "// AppendJSON appends v without its zero values.\nfunc (v *%s) AppendJSON(b []byte) []byte {\n\tb = append(b, '{')\n", t.goName)
	for _, f := range t.fields {
		emitAppendField(b, f)
	}
	b.WriteString("\treturn append(b, '}')\n}\n\n")
}

func emitAppendField(b *bytes.Buffer, f *field) {
	value := "v." + f.goName
	key := fmt.Sprintf("codec.Key(b, `%q:`)", f.json)
	if f.kind == kindRecord && !f.option && !f.list {
		fmt.Fprintf(b, "\tb = codec.Trim(%s.AppendJSON(%s), len(b))\n", value, key)
		return
	}
	fmt.Fprintf(b, "\tif %s {\n\t\tb = %s\n\t}\n", nonZero(f, value), appendValue(f, value, key))
}

func nonZero(f *field, value string) string {
	switch {
	case f.list, f.kind == kindJSON:
		return "len(" + value + ") > 0"
	case f.option:
		return value + " != nil"
	case f.kind == kindBytes:
		return "len(" + value + ") > 0"
	case f.kind == kindBool:
		return value
	case f.kind == kindString, f.kind == kindEnum:
		return value + ` != ""`
	}
	return value + " != 0"
}

func appendValue(f *field, value, key string) string {
	if f.list {
		if f.kind == kindRecord {
			return fmt.Sprintf("codec.AppendList(%s, %s)", key, value)
		}
		return fmt.Sprintf("codec.AppendStrings(%s, %s)", key, value)
	}
	if f.option && f.kind != kindJSON && f.kind != kindBytes && f.kind != kindRecord {
		value = "*" + value
	}
	switch f.kind {
	case kindRecord:
		return fmt.Sprintf("%s.AppendJSON(%s)", value, key)
	case kindString:
		return fmt.Sprintf("codec.AppendString(%s, %s)", key, value)
	case kindEnum:
		return fmt.Sprintf("codec.AppendString(%s, string(%s))", key, value)
	case kindBool:
		return fmt.Sprintf("codec.AppendBool(%s, %s)", key, value)
	case kindJSON:
		return fmt.Sprintf("append(%s, %s...)", key, value)
	case kindBytes:
		return fmt.Sprintf("codec.AppendBytes(%s, %s)", key, value)
	case kindS64:
		return fmt.Sprintf("codec.AppendInt(%s, %s)", key, value)
	case kindS32:
		return fmt.Sprintf("codec.AppendInt(%s, int64(%s))", key, value)
	case kindU64:
		return fmt.Sprintf("codec.AppendUint(%s, %s)", key, value)
	case kindF64:
		return fmt.Sprintf("codec.AppendFloat(%s, %s)", key, value)
	}
	return fmt.Sprintf("codec.AppendUint(%s, uint64(%s))", key, value)
}

func emitRead(b *bytes.Buffer, t *typ) {
	fmt.Fprintf(b, "// ReadJSON replaces v by the next value of r.\nfunc (v *%[1]s) ReadJSON(r *codec.Reader) {\n\t*v = %[1]s{", t.goName)
	for _, f := range t.fields {
		if f.kind == kindEnum && !f.option && !f.list && !f.own.required {
			fmt.Fprintf(b, "%s: %s, ", f.goName, f.named.cases[0].goName)
		}
	}
	b.WriteString("}\n\tr.Object()\n\tfor r.Next() {\n\t\tswitch string(r.Key()) {\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\t\tcase %q:\n", f.json)
		emitReadField(b, f)
	}
	b.WriteString("\t\tdefault:\n\t\t\tr.Unknown()\n\t\t}\n\t}\n}\n\n")
}

func emitReadField(b *bytes.Buffer, f *field) {
	value := "v." + f.goName
	switch {
	case f.list && f.kind == kindString:
		fmt.Fprintf(b, "%s = codec.Strings[string](r, %d)\n", value, f.limit())
	case f.list:
		fmt.Fprintf(b, "%s = codec.List[%s](r, %d)\n", value, f.named.goName, f.limit())
	case f.kind == kindJSON:
		fmt.Fprintf(b, "%s = r.Raw()\n", value)
	case f.kind == kindBytes:
		fmt.Fprintf(b, "%s = r.Bytes()\n", value)
	case f.option && f.named != nil:
		fmt.Fprintf(b, "if %[1]s = nil; !r.Null() {\n%[1]s = new(%[2]s)\n%[1]s.ReadJSON(r)\n}\n", value, f.named.goName)
	case f.option && f.kind == kindString:
		fmt.Fprintf(b, "if %[1]s = nil; !r.Null() {\n%[1]s = r.StringRef()\n}\n", value)
	case f.option:
		fmt.Fprintf(b, "if %[1]s = nil; !r.Null() {\n%[1]s = new(%[2]s)\n}\n", value, readCall(f.kind))
	case f.named != nil:
		fmt.Fprintf(b, "%s.ReadJSON(r)\n", value)
	default:
		fmt.Fprintf(b, "%s = %s\n", value, readCall(f.kind))
	}
}

func readCall(k kind) string { return "r." + pascal(string(k)) + "()" }

// emitStandard emits the methods that encoding/json looks for. Guests that do not link it do not link
// them either.
func emitStandard(b *bytes.Buffer, t *typ) {
	fmt.Fprintf(b, `// MarshalJSON is AppendJSON for encoding/json.
func (v %[1]s) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// UnmarshalJSON is ReadJSON for encoding/json.
func (v *%[1]s) UnmarshalJSON(data []byte) error { return Unmarshal(data, v) }

`, t.goName)
}
