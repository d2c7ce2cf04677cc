package meter

// Import is one thing that a module needs from outside. Params and Results are set for functions.
type Import struct {
	Module, Name    string
	Kind            string // func, table, memory or global
	Params, Results []string
	kind            byte
	typeIndex       uint32
	desc            []byte // encoded again, for what is not a function
}

// Export is one thing that a module offers. Params and Results are set for functions.
type Export struct {
	Name            string
	Kind            string
	Params, Results []string
}

// Info is what can be said about a module without compiling it.
type Info struct {
	Imports     []Import
	Exports     []Export
	MemoryBytes int64 // what the module's own memory takes at start
	TableBytes  int64 // what its tables take
}

// Inspect reads a module's imports and exports. Nothing is compiled or executed. Errors have code
// invalid.
func Inspect(wasm []byte) (Info, error) {
	m, err := parse(wasm)
	if err != nil {
		return Info{}, err
	}
	info := Info{Imports: m.imports, MemoryBytes: int64(m.memoryMin) << 16, TableBytes: 8 * int64(m.tableMin)}
	// eachExport has checked kind and index.
	err = m.eachExport(func(name string, kind byte, index uint32) {
		e := Export{Name: name, Kind: kindNames[kind]}
		if kind == kindFunc {
			e.Params, e.Results = m.types[m.funcs[index]].strings()
		}
		info.Exports = append(info.Exports, e)
	})
	return info, err
}

// kindNames is indexed by kind.
var kindNames = [...]string{"func", "table", "memory", "global"}

func (t funcType) strings() (params, results []string) {
	return typeNames(t.params), typeNames(t.results)
}

func typeNames(types string) []string {
	if types == "" {
		return nil
	}
	names := make([]string, len(types))
	for i := range types {
		names[i] = typeName(types[i])
	}
	return names
}

func typeName(t byte) string {
	switch t {
	case 0x7f:
		return "i32"
	case 0x7e:
		return "i64"
	case 0x7d:
		return "f32"
	case 0x7c:
		return "f64"
	case 0x7b:
		return "v128"
	case 0x70:
		return "funcref"
	}
	return "externref"
}

// readImports begins the index spaces: it has to run before the module's own functions and globals are counted.
func (m *module) readImports() error {
	if m.sections[secImport] == nil {
		return nil
	}
	r := &reader{b: m.sections[secImport]}
	for range r.atMost(maxImports, 4, "imports") {
		i := Import{Module: r.name(), Name: r.name(), kind: r.byte()}
		if r.err != nil {
			return r.err
		}
		m.readImport(r, &i)
		if r.err != nil {
			return r.err
		}
		i.Kind = kindNames[i.kind]
		m.imports = append(m.imports, i)
	}
	r.end("imports")
	return r.err
}

// readImport reads what kind of thing is imported. Functions, tables and globals take the next index of their
// space; a memory has no index to take, since there is one.
func (m *module) readImport(r *reader, i *Import) {
	switch i.kind {
	case kindFunc:
		i.typeIndex = r.u32()
		if int(i.typeIndex) >= len(m.types) {
			r.fail("wasm import %s.%s has unknown type %d", i.Module, i.Name, i.typeIndex)
			return
		}
		i.Params, i.Results = m.types[i.typeIndex].strings()
		m.funcs = append(m.funcs, i.typeIndex)
		m.importedFuncs++
	case kindTable:
		ref := r.refType()
		i.desc = r.limits(nil).append([]byte{ref})
		m.tables++
	case kindMemory:
		i.desc = r.limits(nil).append(nil)
	case kindGlobal:
		i.desc = r.globalType()
		m.globals++
	default:
		r.fail("wasm import %s.%s has kind %#x, which is not accepted; build without exception handling", i.Module, i.Name, i.kind)
	}
}

// refType reads one reference type; it is still returned after a failure, for the caller looks at err.
func (r *reader) refType() byte {
	t := r.byte()
	if !isRefType(t) {
		r.fail("wasm table type %#x is not accepted; build without typed references", t)
	}
	return t
}

func (r *reader) globalType() []byte {
	t, mutable := r.byte(), r.byte()
	if !isValueType(t) || mutable > 1 {
		r.fail("wasm global type %#x %#x is not accepted", t, mutable)
	}
	return []byte{t, mutable}
}

// eachExport calls f for each export, after checking that there is what it names. f is not called any more after
// the first that is wrong.
func (m *module) eachExport(f func(name string, kind byte, index uint32)) error {
	if m.sections[secExport] == nil {
		return nil
	}
	r := &reader{b: m.sections[secExport]}
	for range r.atMost(maxExports, 3, "exports") {
		name, kind, index := r.name(), r.byte(), r.u32()
		if r.err == nil && !m.hasIndex(kind, index) {
			r.fail("wasm export %q names something that the module does not have", name)
		}
		if r.err != nil {
			return r.err
		}
		f(name, kind, index)
	}
	r.end("exports")
	return r.err
}

// hasIndex reports whether an index names something. For memories it says so for 0 without looking whether there
// is one; the compiler does.
func (m *module) hasIndex(kind byte, index uint32) bool {
	switch kind {
	case kindFunc:
		return int(index) < len(m.funcs)
	case kindTable:
		return index < m.tables
	case kindMemory:
		return index == 0
	case kindGlobal:
		return index < m.globals
	}
	return false
}
