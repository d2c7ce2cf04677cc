package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const docsFile = "docs/plugins.md"

// Tables in the documentation stand between these lines; the first names the table.
const (
	docsBegin = "<!-- generated: "
	docsEnd   = "<!-- end of generated -->"
)

// addDocs writes the tables anew into the page, which stays as it is around them. A contract without a
// page has no tables.
func (o output) addDocs(m *model, file string) error {
	page, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	tables := map[string]func(*bytes.Buffer, *model){"manifest": docManifest, "limits": docLimits, "exports": docExports, "hooks": docHooks, "permissions": docPermissions, "bounds": docBounds}
	var out bytes.Buffer
	rest := string(page)
	for {
		before, after, found := strings.Cut(rest, docsBegin)
		out.WriteString(before)
		if !found {
			break
		}
		name, after, ok := strings.Cut(after, " -->\n")
		emit := tables[name]
		_, tail, closed := strings.Cut(after, docsEnd)
		if !ok || !closed || emit == nil {
			return fmt.Errorf("%s: the generated table %.20q is unknown or has no end", docsFile, name)
		}
		delete(tables, name)
		out.WriteString(docsBegin + name + " -->\n")
		emit(&out, m)
		out.WriteString(docsEnd)
		rest = tail
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		return fmt.Errorf("%s: there is no table %s", docsFile, name)
	}
	o[docsFile] = out.Bytes()
	return nil
}

func oneLine(doc string) string { return strings.Join(strings.Fields(doc), " ") }

// cell makes a table's cell of documentation: one line, without a full stop at the end.
func cell(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSuffix(oneLine(p), "."); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.ReplaceAll(strings.Join(kept, "; "), "|", "\\|")
}

func docManifest(b *bytes.Buffer, m *model) { docFields(b, m.types["Manifest"]) }
func docLimits(b *bytes.Buffer, m *model)   { docFields(b, m.types["Limits"]) }

// docFields has a row for each field; those that have to be there are marked, and records show theirs.
func docFields(b *bytes.Buffer, t *typ) {
	if t == nil {
		return
	}
	b.WriteString("| Field | Meaning |\n|---|---|\n")
	for _, f := range t.fields {
		inner := ""
		if f.kind == kindRecord {
			var names []string
			for _, sub := range f.named.fields {
				names = append(names, "`"+sub.json+"`")
			}
			inner = strings.TrimSuffix(f.named.doc, ".") + ": " + strings.Join(names, " ")
		}
		need := ""
		if f.mandatory() {
			need = " (required)"
		}
		fmt.Fprintf(b, "| `%s`%s | %s |\n", f.json, need, cell(f.doc, inner, f.words()))
	}
}

func docExports(b *bytes.Buffer, m *model) {
	b.WriteString("| Kind | Export | Does | |\n|---|---|---|---|\n")
	for _, f := range m.exports {
		var facts []string
		if f.pure {
			facts = append(facts, "pure")
		}
		if f.deadline > 0 {
			facts = append(facts, timeText(f.deadline))
		}
		switch {
		case f.handler:
			facts = append(facts, "with the permission `"+f.permission+"`")
		case f.optional != "" && m.facts(f.capability) != nil && slices.ContainsFunc(m.facts(f.capability).fields, func(o *field) bool { return o.operations }):
			facts = append(facts, "operation `"+f.short+"`")
		case f.optional != "":
			facts = append(facts, "optional")
		case f.unless != "":
			facts = append(facts, "unless `"+camel(f.unless)+"`")
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", f.capability, f.name, cell(firstSentence(f.doc)), strings.Join(facts, ", "))
	}
}

// docHooks has a row for each hook: what it is told, and what it may do about it.
func docHooks(b *bytes.Buffer, m *model) {
	b.WriteString("| Hook | Event | May modify | May cancel |\n|---|---|---|---|\n")
	quoted := func(names []string) string {
		if len(names) == 0 {
			return ""
		}
		return "`" + strings.Join(names, "` `") + "`"
	}
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if !t.hooks() {
				continue
			}
			for _, c := range t.cases {
				var event []string
				if c.event != nil {
					for _, f := range c.event.fields {
						event = append(event, f.json)
					}
				}
				cancels := ""
				if c.cancels {
					cancels = "yes"
				}
				fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", c.value, quoted(event), quoted(c.fields()), cancels)
			}
		}
	}
}

// firstSentence keeps a table readable: the rest stands in the contract.
func firstSentence(doc string) string {
	first, _, _ := strings.Cut(oneLine(doc), ". ")
	return first
}

func docPermissions(b *bytes.Buffer, m *model) {
	b.WriteString("| Permission | Functions | Gives | Bounds |\n|---|---|---|---|\n")
	var seen []*iface
	for _, f := range m.imports {
		if slices.Contains(seen, f.source) {
			continue
		}
		seen = append(seen, f.source)
		var names []string
		for _, other := range m.imports {
			if other.source == f.source {
				names = append(names, "`"+other.name+"`")
			}
		}
		name := "–"
		if f.permission != "" {
			name = "`" + camel(f.permission) + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, strings.Join(names, " "), cell(f.source.doc), cell(importBounds(m, f.source)...))
	}
}

func importBounds(m *model, i *iface) []string {
	var parts []string
	for _, l := range i.attrs.limits {
		parts = append(parts, l.text)
	}
	for _, f := range m.imports {
		if f.source != i || f.param == nil {
			continue
		}
		for _, x := range f.param.fields {
			part := "`" + x.json + "` " + x.words()
			if x.words() != "" && !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// docBounds lists what an answer may hold: the limits of each export's interface, and the bounded fields of its
// result.
func docBounds(b *bytes.Buffer, m *model) {
	b.WriteString("| Answer of | Bounds |\n|---|---|\n")
	for _, l := range m.limits {
		if l.name == "answer" {
			fmt.Fprintf(b, "| every export | at most %s of JSON |\n", bytesText(l.value))
		}
	}
	var seen []*typ
	for _, f := range m.exports {
		if f.result == nil || slices.Contains(seen, f.result) {
			continue
		}
		seen = append(seen, f.result)
		var names, parts []string
		for _, other := range m.exports {
			if other.result == f.result {
				names = append(names, "`"+other.name+"`")
			}
		}
		for _, l := range f.source.attrs.limits {
			parts = append(parts, l.text)
		}
		for _, x := range f.result.fields {
			if x.words() != "" {
				parts = append(parts, "`"+x.json+"` "+x.words())
			}
		}
		if len(parts) > 0 {
			fmt.Fprintf(b, "| %s | %s |\n", strings.Join(names, " "), cell(parts...))
		}
	}
}
