package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// contractDir has the contract as data: for tests that make inputs of it, and compare it with what it was.
const contractDir = contract + "/contract"

// addFacts adds the contract as JSON, and a constructor of each of its records.
func (o output) addFacts(m *model) error {
	text, err := json.Marshal(factsOf(m))
	if err != nil {
		return err
	}
	const begins = `{"name":` // each type, field and function, which has a line of its own, so that changes can be read
	o[path.Join(contractDir, "contract.json")] = append(bytes.ReplaceAll(text, []byte(begins), []byte("\n"+begins)), '\n')
	return o.addGo(path.Join(contractDir, "records.go"), func(b *bytes.Buffer) { emitNew(b, m) })
}

// factsOf is the contract in the form that package contract reads.
func factsOf(m *model) object {
	limits := object{}
	for _, l := range m.limits {
		limits = append(limits, member{snake(l.name), l.value})
	}
	var types, exports, imports []object
	for _, i := range m.interfaces {
		for _, l := range i.attrs.limits {
			limits = append(limits, member{i.name + "." + snake(l.name), l.value})
		}
		for _, t := range i.types {
			types = append(types, typeFacts(t))
		}
	}
	for _, f := range m.exports {
		exports = append(exports, functionFacts(f))
	}
	for _, f := range m.imports {
		imports = append(imports, functionFacts(f))
	}
	return object{{"version", m.version}, {"limits", limits}, {"types", types}, {"exports", exports}, {"imports", imports}}
}

// facts is an object that leaves out what says nothing.
type facts struct{ object }

func (f *facts) text(key, value string) {
	if value != "" {
		f.object = append(f.object, member{key, value})
	}
}

func (f *facts) flag(key string, value bool) {
	if value {
		f.object = append(f.object, member{key, value})
	}
}

func (f *facts) number(key string, value int64, there bool) {
	if there {
		f.object = append(f.object, member{key, value})
	}
}

func (f *facts) list(key string, values []string) {
	if len(values) > 0 {
		f.object = append(f.object, member{key, values})
	}
}

func typeFacts(t *typ) object {
	f := facts{object{{"name", t.goName}}}
	f.flag("open", t.open)
	f.flag("hooks", t.hooks())
	f.number("max", t.max, t.max > 0)
	var cases, choices []string
	for _, c := range t.cases {
		cases = append(cases, c.value)
	}
	for _, c := range t.oneOf {
		choices = append(choices, c.json)
	}
	f.list("cases", cases)
	f.list("oneOf", choices)
	var fields []object
	for _, x := range t.fields {
		fields = append(fields, fieldFacts(x))
	}
	if len(fields) > 0 {
		f.object = append(f.object, member{"fields", fields})
	}
	return f.object
}

func fieldFacts(x *field) object {
	f := facts{object{{"name", x.json}, {"kind", strings.ToLower(strings.TrimPrefix(string(x.kind), "[]"))}}}
	if x.named != nil {
		f.text("type", x.named.goName)
	}
	f.flag("list", x.list)
	f.flag("option", x.option)
	f.flag("object", x.object)
	f.text("default", x.def)
	f.bounds(x.own)
	if item := (facts{}); x.list {
		if item.bounds(x.item); len(item.object) > 0 {
			f.object = append(f.object, member{"item", item.object})
		}
	}
	return f.object
}

func (f *facts) bounds(b bounds) {
	f.flag("required", b.required)
	f.number("min", b.min, b.hasMin)
	f.number("max", b.max, b.hasMax)
	f.number("cut", b.cut, b.cut > 0)
	if b.pattern != nil {
		f.text("pattern", b.pattern.text)
	}
}

func functionFacts(x *function) object {
	f := facts{object{{"name", x.name}, {"capability", snake(x.capability)}, {"param", x.param.goName}}}
	if x.result != nil {
		f.text("result", x.result.goName)
	}
	f.text("permission", camel(x.permission))
	f.text("class", x.class)
	f.text("instances", x.instances)
	f.flag("pure", x.pure)
	f.flag("optional", x.optional != "")
	f.text("unless", x.unless)
	f.number("deadline", x.deadline, x.deadline > 0)
	return f.object
}

func emitNew(b *bytes.Buffer, m *model) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/wit\"\n\n")
	b.WriteString("// New returns an empty record by the name of its type, nil for a name that is no record's.\nfunc New(name string) Record {\n\tswitch name {\n")
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if !t.enum() {
				fmt.Fprintf(b, "\tcase %q:\n\t\treturn new(wit.%s)\n", t.goName, t.goName)
			}
		}
	}
	b.WriteString("\t}\n\treturn nil\n}\n")
}
