package main

import (
	"fmt"
	"slices"
	"strings"

	"go.bytecodealliance.org/wit"
)

// model is the contract, in the order of its text.
type model struct {
	version    string // of the package
	interfaces []*iface
	types      map[string]*typ // by Go name
	imports    []*function
	exports    []*function
	limits     []limit // of the world
	patterns   []*pattern
}

type iface struct {
	name  string
	doc   string
	attrs attributes
	types []*typ
}

// typ is a record, or an enum when it has cases.
type typ struct {
	name   string
	goName string
	doc    string
	attrs  attributes
	fields []*field
	cases  []enumCase
	open   bool     // an enum that takes unknown cases
	oneOf  []*field // of a record: exactly one is set
	max    int64    // bytes of a record's JSON; 0 says nothing
}

func (t *typ) enum() bool { return len(t.cases) > 0 }

// hooks reports whether it is the enum of the hooks: one of its cases says what a hook may do.
func (t *typ) hooks() bool {
	return slices.ContainsFunc(t.cases, func(c enumCase) bool { return c.hook() })
}

// field finds a record's field, nil when there is none.
func (t *typ) field(name string) *field {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// enumCase is a case of an enum. One that names a hook has facts, and the record of its name as its event.
type enumCase struct {
	name, goName, value, doc string
	modifies                 []string // fields of the event, by their names in the contract
	cancels                  bool
	event                    *typ // nil when it has none
}

// hook reports whether the case says what a hook may do.
func (c *enumCase) hook() bool { return c.cancels || len(c.modifies) > 0 }

// function is an import or export with what the contract says of it.
type function struct {
	name       string // of the WebAssembly import or export
	short      string // in its interface
	capability string
	handler    bool // its interface has no kind: it is exported for a permission
	permission string
	doc        string
	paramName  string
	param      *typ
	result     *typ // nil for none
	pure       bool
	class      string
	instances  string
	deadline   int64  // milliseconds; 0 leaves it to the plugin
	optional   string // the word for what has it
	unless     string // the fact of the kind that makes it needless
	source     *iface
}

// goName is the function's name in Go, unexported: kvGet.
func (f *function) goName() string { return camel(strings.ReplaceAll(f.name, "_", "-")) }

// builder makes a model; defs and aliases are by what the parser knows them as.
type builder struct {
	model   *model
	defs    map[*wit.TypeDef]*typ
	aliases map[*wit.TypeDef]attributes
}

func newModel(resolve *wit.Resolve) (*model, error) {
	b := &builder{model: &model{types: map[string]*typ{}}, defs: map[*wit.TypeDef]*typ{}, aliases: map[*wit.TypeDef]attributes{}}
	m := b.model
	for _, p := range resolve.Packages {
		if v := p.Name.Version; v != nil {
			m.version = v.String()
		}
	}
	for _, source := range resolve.Interfaces {
		if err := b.addInterface(source); err != nil {
			return nil, err
		}
	}
	for _, def := range resolve.TypeDefs {
		if t := b.defs[def]; t != nil && !t.enum() {
			if err := b.addFields(t, def.Kind.(*wit.Record)); err != nil {
				return nil, err
			}
		}
	}
	for _, world := range resolve.Worlds {
		facts, err := attributesOf(world.Docs.Contents, "world "+world.Name, onWorlds)
		if err != nil {
			return nil, err
		}
		m.limits = append(m.limits, facts.limits...)
		if m.imports, err = b.functions(world.Imports.All()); err != nil {
			return nil, err
		}
		if m.exports, err = b.functions(world.Exports.All()); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"manifest", "provides", "permissions"} {
		if m.types[pascal(name)] == nil {
			return nil, fmt.Errorf("the contract has no record %s", name)
		}
	}
	m.linkOperations()
	m.linkEvents()
	return m, m.check()
}

func (b *builder) addInterface(source *wit.Interface) error {
	where := "interface " + *source.Name
	attrs, err := attributesOf(source.Docs.Contents, where, onInterfaces)
	if err != nil {
		return err
	}
	i := &iface{name: snake(*source.Name), doc: attrs.doc, attrs: attrs}
	for name, def := range source.TypeDefs.All() {
		t, err := b.declare(where, name, def)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if t.doc == "" {
			return fmt.Errorf("%s: type %s has no documentation", where, name)
		}
		if b.model.types[t.goName] != nil {
			return fmt.Errorf("%s: type %s is declared twice", where, name)
		}
		b.model.types[t.goName], b.defs[def] = t, t
		i.types = append(i.types, t)
	}
	b.model.interfaces = append(b.model.interfaces, i)
	return nil
}

// declare returns a type without its fields, or nil for an alias.
func (b *builder) declare(where, name string, def *wit.TypeDef) (*typ, error) {
	where += ": type " + name
	t := &typ{name: name, goName: pascal(name)}
	allowed := onAliases
	switch k := def.Kind.(type) {
	case *wit.Enum:
		allowed = onEnums
		for _, c := range k.Cases {
			facts, err := attributesOf(c.Docs.Contents, where+"."+c.Name, onCases)
			if err != nil {
				return nil, err
			}
			t.cases = append(t.cases, enumCase{
				name: c.Name, goName: t.goName + pascal(c.Name), value: snake(c.Name), doc: facts.doc,
				modifies: strings.Fields(facts.words["modifies"]), cancels: facts.has("cancels"),
			})
		}
	case *wit.Record:
		allowed = onRecords
	}
	attrs, err := attributesOf(def.Docs.Contents, where, allowed)
	if err != nil {
		return nil, err
	}
	t.doc, t.attrs, t.open = attrs.doc, attrs, attrs.has("open")
	if _, record := def.Kind.(*wit.Record); record || t.enum() {
		return t, nil
	}
	b.aliases[def] = attrs
	if attrs.has("pattern") {
		if _, err := b.pattern(t.goName, attrs.words["pattern"]); err != nil {
			return nil, fmt.Errorf("%s: @pattern: %w", where, err)
		}
	}
	return nil, nil
}

func (b *builder) addFields(t *typ, record *wit.Record) error {
	for _, f := range record.Fields {
		built, err := b.field(t, f)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t.name, f.Name, err)
		}
		t.fields = append(t.fields, built)
	}
	return t.setFacts()
}

// setFacts takes what a record says of itself and of its fields together.
func (t *typ) setFacts() (err error) {
	if t.attrs.has("max") {
		if t.max, err = quantity(t.attrs.words["max"]); err != nil {
			return fmt.Errorf("record %s: @max: %w", t.name, err)
		}
	}
	for _, name := range strings.Fields(t.attrs.words["one-of"]) {
		f := t.field(name)
		if f == nil || !f.option {
			return fmt.Errorf("record %s: @one-of %s: it is no optional field", t.name, name)
		}
		t.oneOf = append(t.oneOf, f)
	}
	return nil
}

// functions lists the functions of a world's imports or exports: one record in, and nothing, or a result
// of one record and an error, out.
func (b *builder) functions(items func(func(string, wit.WorldItem) bool)) ([]*function, error) {
	var list []*function
	for _, item := range items {
		ref, ok := item.(*wit.InterfaceRef)
		if !ok {
			continue
		}
		name := *ref.Interface.Name
		i := b.model.interfaces[slices.IndexFunc(b.model.interfaces, func(i *iface) bool { return i.name == snake(name) })]
		for short, f := range ref.Interface.Functions.All() {
			built, err := b.function(i, name, short, f)
			if err != nil {
				return nil, err
			}
			list = append(list, built)
		}
	}
	return list, nil
}

func (b *builder) function(i *iface, of, short string, f *wit.Function) (*function, error) {
	capability := strings.TrimSuffix(of, "-handler")
	out := &function{name: snake(capability + "-" + short), short: short, capability: capability, handler: capability != of, source: i,
		permission: i.attrs.words["permission"]}
	where := "function " + out.name
	attrs, err := attributesOf(f.Docs.Contents, where, onFunctions)
	if err != nil {
		return nil, err
	}
	if len(f.Params) != 1 || len(f.Results) > 1 {
		return nil, fmt.Errorf("%s: it has to take one record and give one result or none", where)
	}
	if err := out.setFacts(attrs, i.attrs); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	out.paramName = f.Params[0].Name
	if out.param, err = b.record(f.Params[0].Type); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if len(f.Results) == 1 {
		def, _ := f.Results[0].Type.(*wit.TypeDef)
		if def == nil || wit.KindOf[*wit.Result](def) == nil {
			return nil, fmt.Errorf("%s: it has to give a result", where)
		}
		if out.result, err = b.record(wit.KindOf[*wit.Result](def).OK); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
	}
	if out.doc == "" {
		return nil, fmt.Errorf("%s has no documentation", where)
	}
	return out, nil
}

// setFacts takes what the function says of itself, and else what its interface says of all.
func (f *function) setFacts(own, all attributes) error {
	word := func(name string) string {
		if own.has(name) {
			return own.words[name]
		}
		return all.words[name]
	}
	f.doc, f.optional, f.unless = own.doc, own.words["optional"], own.words["unless"]
	f.pure = own.has("pure") || all.has("pure")
	f.class, f.instances = word("class"), word("instances")
	if text := word("deadline"); text != "" {
		var err error
		if f.deadline, err = quantity(text); err != nil {
			return fmt.Errorf("@deadline: %w", err)
		}
	}
	return nil
}

func (b *builder) record(t wit.Type) (*typ, error) {
	var f field
	if _, err := b.element(&f, t); err != nil {
		return nil, err
	}
	if f.kind != kindRecord {
		return nil, fmt.Errorf("%s is not a record", f.kind)
	}
	return f.named, nil
}
