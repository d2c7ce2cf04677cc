package main

import (
	"errors"
	"fmt"
	"slices"
)

// linkOperations tells each list of operations which kind's they are.
func (m *model) linkOperations() {
	for _, f := range m.types["Provides"].fields {
		if f.named == nil {
			continue
		}
		for _, o := range f.named.fields {
			if o.operations {
				o.forKind = f.forKind
			}
		}
	}
}

// linkEvents gives each hook the record of its name, where its interface has one.
func (m *model) linkEvents() {
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for n := range t.cases {
				c := &t.cases[n]
				if at := slices.IndexFunc(i.types, func(e *typ) bool { return e.name == c.name && !e.enum() }); t.hooks() && at >= 0 {
					c.event = i.types[at]
				}
			}
		}
	}
}

func (m *model) checkHooks() (problems []error) {
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for _, c := range t.cases {
				if c.hook() && c.event == nil {
					problems = append(problems, fmt.Errorf("%s.%s: @modifies and @cancels are facts of a hook: its interface has no record %s", t.name, c.name, c.name))
					continue
				}
				for _, name := range c.modifies {
					if c.event.field(name) == nil {
						problems = append(problems, fmt.Errorf("%s.%s: @modifies %s: the record has no such field", t.name, c.name, name))
					}
				}
			}
		}
	}
	return problems
}

// check compares what stands in different places.
func (m *model) check() error {
	return errors.Join(slices.Concat(m.checkImports(), m.checkExports(), m.checkManifest(), m.checkHooks())...)
}

func (m *model) checkImports() (problems []error) {
	for _, f := range m.imports {
		if (f.permission == "") != f.source.attrs.has("granted") {
			problems = append(problems, fmt.Errorf("interface %s: an import has either @permission or @granted", f.source.name))
		}
		if f.class != "" || f.pure || f.optional != "" || f.unless != "" || f.deadline != 0 {
			problems = append(problems, fmt.Errorf("function %s: @pure, @class, @deadline, @optional and @unless are facts of exports", f.name))
		}
		if f.permission != "" && m.types["Permissions"].field(f.permission) == nil {
			problems = append(problems, fmt.Errorf("interface %s: the manifest's permissions have no %s", f.source.name, f.permission))
		}
	}
	return problems
}

func (m *model) checkExports() (problems []error) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	classes := map[string]string{}
	for _, f := range m.exports {
		other, known := classes[f.class]
		switch {
		case f.source.attrs.has("kind") == (f.permission != ""):
			bad("interface %s: an export has either @kind or @permission", f.source.name)
		case f.class == "":
			bad("function %s: @class is missing", f.name)
		case !slices.Contains([]string{"", "warm", "fresh", "single"}, f.instances):
			bad("function %s: @instances %s: warm, fresh or single", f.name, f.instances)
		case known && other != f.instances:
			bad("function %s: class %s keeps its instances in two ways", f.name, f.class)
		case f.source.attrs.has("kind") && m.provided(f.capability) == nil:
			bad("interface %s: the manifest's provides have no field with @kind %s", f.source.name, f.capability)
		case f.unless != "" && (m.facts(f.capability) == nil || m.facts(f.capability).field(f.unless) == nil):
			bad("function %s: @unless %s: the facts of %s have no such field", f.name, f.unless, f.capability)
		}
		classes[f.class] = f.instances
	}
	return problems
}

func (m *model) checkManifest() (problems []error) {
	for _, i := range m.interfaces {
		for _, t := range i.types {
			for _, f := range t.fields {
				if f.operations && f.forKind == "" {
					problems = append(problems, fmt.Errorf("%s.%s: @operations stands in no kind's facts", t.name, f.name))
				}
			}
		}
	}
	for _, f := range m.types["Provides"].fields {
		if f.forKind == "" || f.named == nil || !slices.ContainsFunc(f.named.fields, func(l *field) bool { return l.label }) {
			problems = append(problems, fmt.Errorf("provides.%s: @kind is missing, or no field of its record has @label", f.name))
		}
	}
	return problems
}

// provided is the manifest's field that makes a plugin a kind, nil when there is none.
func (m *model) provided(kind string) *field {
	for _, f := range m.types["Provides"].fields {
		if f.forKind == kind {
			return f
		}
	}
	return nil
}

// facts is the record of a kind in the manifest.
func (m *model) facts(kind string) *typ {
	if f := m.provided(kind); f != nil {
		return f.named
	}
	return nil
}
