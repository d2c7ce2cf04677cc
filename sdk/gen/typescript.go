package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

const jsDir = "sdk/js"

// addJS adds the types of the JavaScript SDK, and the functions by which its prelude completes what arrives.
func (o output) addJS(m *model) error {
	o.addText(path.Join(jsDir, "contract.d.ts"), m, emitDeclarations)
	o.addText(path.Join(jsDir, "prelude", "records.js"), m, emitRecords)
	return nil
}

// addText adds a file that is not Go, whose comments begin as Go's do.
func (o output) addText(name string, m *model, emit func(*bytes.Buffer, *model)) {
	b := bytes.NewBufferString(header)
	emit(b, m)
	o[name] = append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// direction is which way a record passes between plugin and kernel. What arrives is whole: the prelude gives what
// was left out its zero value. What a plugin writes may leave out what the contract lets it leave out.
type direction struct{ arrives, leaves bool }

// directions says it of every record that passes at all.
func directions(m *model) map[*typ]direction {
	passes := map[*typ]direction{}
	var walk func(t *typ, d direction)
	walk = func(t *typ, d direction) {
		if t == nil || t.enum() {
			return
		}
		had := passes[t]
		both := direction{had.arrives || d.arrives, had.leaves || d.leaves}
		if both == had {
			return
		}
		passes[t] = both
		for _, f := range t.fields {
			walk(f.named, d)
		}
	}
	arrives, leaves := direction{arrives: true}, direction{leaves: true}
	for _, f := range m.exports {
		walk(f.param, arrives)
		walk(f.result, leaves)
	}
	for _, f := range m.imports {
		walk(f.param, leaves)
		walk(f.result, arrives)
	}
	for _, c := range m.hooks() {
		walk(c.event, arrives)
	}
	return passes
}

// hooks lists the cases of the enum of the hooks.
func (m *model) hooks() (cases []enumCase) {
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if t.hooks() {
				cases = append(cases, t.cases...)
			}
		}
	}
	return cases
}

// hookEvent reports whether a record is what hooks are asked about: a hook's name, and its event as json.
func (t *typ) hookEvent() bool {
	event := t.field("event")
	return event != nil && event.kind == kindJSON &&
		slices.ContainsFunc(t.fields, func(f *field) bool { return f.name == "name" && f.named != nil && f.named.hooks() })
}

// tsName is a type's name in TypeScript, where Error is taken.
func tsName(t *typ) string {
	if t.name == "error" {
		return "ErrorRecord"
	}
	name := camel(t.name)
	return strings.ToUpper(name[:1]) + name[1:]
}

// received is the name of a record as it arrives; one that passes both ways has two.
func received(t *typ, d direction) string {
	if d.arrives && d.leaves && !t.enum() {
		return "Received" + tsName(t)
	}
	return tsName(t)
}

func emitDeclarations(b *bytes.Buffer, m *model) {
	b.WriteString("/** A JSON value, carried as it is. */\nexport type Json = any;\n\n")
	passes := directions(m)
	for _, i := range m.interfaces {
		for _, t := range i.types {
			switch d := passes[t]; {
			case t.enum():
				emitUnion(b, t)
			case t.hookEvent():
				emitHookEvent(b, m, t, passes)
			case d.arrives && !d.leaves && len(t.told()) > 0:
				emitTold(b, t, passes)
			case d.arrives && !d.leaves:
				emitInterfaceTS(b, tsName(t), t, passes, true)
			default:
				emitInterfaceTS(b, tsName(t), t, passes, false)
				if d.arrives {
					emitReceived(b, t, passes)
				}
			}
		}
	}
	emitPlugin(b, m, passes)
	emitImportTypes(b, m, passes)
}

func emitUnion(b *bytes.Buffer, t *typ) {
	emitJSDoc(b, "", t.doc, casesDoc(t))
	fmt.Fprintf(b, "export type %s =", tsName(t))
	for _, c := range t.cases {
		fmt.Fprintf(b, "\n  | %q", c.value)
	}
	b.WriteString(";\n\n")
}

// casesDoc lists those cases of an enum that have something to say, and the hooks with what they may do.
func casesDoc(t *typ) string {
	var lines []string
	for _, c := range t.cases {
		said := oneLine(c.doc)
		if len(c.modifies) > 0 {
			said = strings.TrimPrefix(said+"; may modify "+strings.Join(c.fields(), ", "), "; ")
		}
		if c.cancels {
			said = strings.TrimPrefix(said+"; may cancel", "; ")
		}
		if said != "" {
			lines = append(lines, "- `"+c.value+"`: "+said)
		}
	}
	return strings.Join(lines, "\n")
}

// emitInterfaceTS emits a record; whole says that it arrives, with every field that is no option.
func emitInterfaceTS(b *bytes.Buffer, name string, t *typ, passes map[*typ]direction, whole bool) {
	emitJSDoc(b, "", t.doc)
	fmt.Fprintf(b, "export interface %s {\n", name)
	for _, f := range t.fields {
		emitFieldTS(b, f, passes, whole)
	}
	b.WriteString("}\n\n")
}

func emitFieldTS(b *bytes.Buffer, f *field, passes map[*typ]direction, whole bool) {
	words := f.words()
	if words != "" {
		words = "Bounds: " + words + "."
	}
	emitJSDoc(b, "  ", f.doc, words)
	mark := "?"
	if !f.option && (whole || f.mandatory()) {
		mark = ""
	}
	fmt.Fprintf(b, "  %s%s: %s;\n", f.json, mark, tsType(f, passes, whole))
}

// told lists a record's optional fields that its kind tells: a field that is called like a case is there with that case.
func (t *typ) told() (fields []*field) {
	kind := t.field("kind")
	if kind == nil || kind.kind != kindEnum {
		return nil
	}
	for _, f := range t.fields {
		if f.option && slices.ContainsFunc(kind.named.cases, func(c enumCase) bool { return c.name == f.name }) {
			fields = append(fields, f)
		}
	}
	return fields
}

// emitTold emits a record whose kind tells which of its fields is there.
func emitTold(b *bytes.Buffer, t *typ, passes map[*typ]direction) {
	emitInterfaceTS(b, tsName(t)+"Fields", t, passes, true)
	emitJSDoc(b, "", t.doc, "A test of its kind tells which field is there.")
	fmt.Fprintf(b, "export type %s = %[1]sFields & (", tsName(t))
	told := t.told()
	for _, c := range t.field("kind").named.cases {
		fmt.Fprintf(b, "\n  | { kind: %q", c.value)
		if at := slices.IndexFunc(told, func(f *field) bool { return f.name == c.name }); at >= 0 {
			fmt.Fprintf(b, "; %s: %s", told[at].json, tsType(told[at], passes, true))
		}
		b.WriteString(" }")
	}
	b.WriteString("\n);\n\n")
}

// emitReceived emits what a record is when it arrives: what was left out has its zero value.
func emitReceived(b *bytes.Buffer, t *typ, passes map[*typ]direction) {
	fmt.Fprintf(b, "/** %s as it arrives: what was left out has its zero value. */\nexport interface %s extends %[1]s {\n", tsName(t), received(t, passes[t]))
	for _, f := range t.fields {
		now, then := tsType(f, passes, true), tsType(f, passes, false)
		switch {
		case !f.option && !f.mandatory():
			fmt.Fprintf(b, "  %s: %s;\n", f.json, now)
		case now != then && f.option:
			fmt.Fprintf(b, "  %s?: %s;\n", f.json, now)
		case now != then:
			fmt.Fprintf(b, "  %s: %s;\n", f.json, now)
		}
	}
	b.WriteString("}\n\n")
}

func tsType(f *field, passes map[*typ]direction, whole bool) string {
	name := ""
	switch f.kind {
	case kindString:
		name = "string"
	case kindBool:
		name = "boolean"
	case kindJSON:
		name = "Json"
	case kindBytes:
		name = "Uint8Array"
	case kindEnum:
		name = tsName(f.named)
	case kindRecord:
		name = tsName(f.named)
		if whole {
			name = received(f.named, passes[f.named])
		}
	default:
		name = "number"
	}
	if f.list {
		name += "[]"
	}
	return name
}

// emitHookEvent emits a union that a hook's name tells apart.
func emitHookEvent(b *bytes.Buffer, m *model, t *typ, passes map[*typ]direction) {
	b.WriteString("/** What each hook is asked about. */\nexport interface HookEvents {\n")
	for _, c := range m.hooks() {
		event := "Json"
		if c.event != nil {
			event = received(c.event, passes[c.event])
		}
		fmt.Fprintf(b, "  %s: %s;\n", c.value, event)
	}
	b.WriteString("}\n\n")
	emitJSDoc(b, "", t.doc, "A test of its name tells which event it has.")
	fmt.Fprintf(b, "export type %s<N extends keyof HookEvents = keyof HookEvents> = {\n  [K in N]: {\n", tsName(t))
	for _, f := range t.fields {
		kind := tsType(f, passes, true)
		switch f.name {
		case "name":
			kind = "K"
		case "event":
			kind = "HookEvents[K]"
		}
		fmt.Fprintf(b, "    %s: %s;\n", f.json, kind)
	}
	b.WriteString("  };\n}[N];\n\n")
}

// emitPlugin emits what a plugin's module may export.
func emitPlugin(b *bytes.Buffer, m *model, passes map[*typ]direction) {
	b.WriteString("/** What a function may give: a value, a promise of it, or nothing where all of the record may be left out. */\n" +
		"export type Answer<T> = T | Promise<T> | ({} extends T ? void | undefined | null | Promise<void | undefined | null> : never);\n\n")
	b.WriteString("/** All that a plugin's module may export. What of it a plugin needs, its manifest says. */\nexport interface Plugin {\n")
	for _, f := range m.exports {
		emitJSDoc(b, "  ", f.doc)
		fmt.Fprintf(b, "  %s?(%s: %s): Answer<%s>;\n", f.goName(), camel(f.paramName), received(f.param, passes[f.param]), tsName(f.result))
	}
	b.WriteString("}\n\n/** The type of one function: `export const toolInvoke: Handler<\"toolInvoke\"> = (call) => …`. */\n" +
		"export type Handler<N extends keyof Plugin> = NonNullable<Plugin[N]>;\n\n")
}

func emitImportTypes(b *bytes.Buffer, m *model, passes map[*typ]direction) {
	b.WriteString("/** All that a plugin may call, by the names of the contract: see `call`. */\nexport interface Imports {\n")
	for _, f := range m.imports {
		emitJSDoc(b, "  ", f.doc)
		result := "void"
		if f.result != nil {
			result = received(f.result, passes[f.result])
		}
		fmt.Fprintf(b, "  %s(%s: %s): %s;\n", f.name, camel(f.paramName), tsName(f.param), result)
	}
	b.WriteString("}\n\n")
}

func emitJSDoc(b *bytes.Buffer, indent string, parts ...string) {
	var lines []string
	for _, part := range parts {
		if part != "" {
			lines = append(lines, strings.Split(strings.ReplaceAll(strings.TrimSpace(part), "*/", "*\u200b/"), "\n")...)
		}
	}
	switch len(lines) {
	case 0:
	case 1:
		fmt.Fprintf(b, "%s/** %s */\n", indent, lines[0])
	default:
		fmt.Fprintf(b, "%s/**\n", indent)
		for _, line := range lines {
			b.WriteString(strings.TrimRight(indent+" * "+line, " ") + "\n")
		}
		fmt.Fprintf(b, "%s */\n", indent)
	}
}
