package meter

import "bytes"

// Section ids.
// secCount is one more than the last of them. The data count section has the highest id but comes before the code:
// see order.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secCount
)

// Kinds of imports and exports, as the binary format numbers them.
const (
	kindFunc = iota
	kindTable
	kindMemory
	kindGlobal
)

type funcType struct {
	params, results string // one byte per value
}

// module is a file split into sections, with the counts that indices are checked against.
// The sections are slices of the input and are only read. funcs and globals are one index space each, in which the
// imported ones come first, as in the binary format.
type module struct {
	sections  [secCount][]byte
	names     []byte
	types     []funcType
	funcs     []uint32 // type index of every function, imported ones first
	globals   uint32
	tables    uint32
	imports   []Import
	memoryMin uint32
	tableMin  uint64 // elements, in all tables

	importedFuncs  uint32
	definedGlobals uint32
	definedTables  uint32
}

// order is how sections follow each other in a file. It is never written to.
var order = [...]byte{secType, secImport, secFunction, secTable, secMemory, secGlobal, secExport,
	secStart, secElement, secDataCount, secCode, secData}

// parse splits a file and reads what the indices in the other sections are checked against. Code, elements and
// data are left to rewrite, so Inspect does not pay for them, nor does it vouch for them.
func parse(wasm []byte) (*module, error) {
	if err := checkHeader(wasm); err != nil {
		return nil, err
	}
	m := &module{}
	if err := m.split(wasm[8:]); err != nil {
		return nil, err
	}
	for _, f := range []func() error{m.readTypes, m.readImports, m.readFunctions, m.readTables, m.readMemory, m.countGlobals} {
		if err := f(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// checkHeader tells apart what people commonly bring instead of a core module, because only then can the error say
// what to build.
func checkHeader(wasm []byte) error {
	switch {
	case len(wasm) > MaxModuleBytes:
		return invalid("wasm module is %d MB; at most %d MB are accepted", len(wasm)>>20, MaxModuleBytes>>20)
	case len(wasm) < 8 || !bytes.Equal(wasm[:4], []byte("\x00asm")):
		return invalid("not a wasm module: the file does not start with \\0asm")
	case bytes.Equal(wasm[4:8], []byte{0x0d, 0, 1, 0}):
		return invalid("this is a wasm component; build a core module instead (target wasip1, for example GOOS=wasip1 -buildmode=c-shared or --target wasm32-wasip1)")
	case !bytes.Equal(wasm[4:8], []byte{1, 0, 0, 0}):
		return invalid("wasm version % x is not known; build a core module of version 1", wasm[4:8])
	}
	return nil
}

// split finds the sections. Each may come once and in order only: a second one that some reader prefers would be a
// way around the check.
func (m *module) split(b []byte) error {
	r := &reader{b: b}
	last := -1
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		body := r.take(int(r.u32()))
		if r.err != nil {
			break
		}
		if id == secCustom {
			if err := m.custom(body); err != nil {
				return err
			}
			continue
		}
		at := bytes.IndexByte(order[:], id)
		if at < 0 {
			return invalid("wasm section %d is not accepted; build without exception handling and other proposals after 2.0", id)
		}
		if at <= last {
			return invalid("wasm section %d is out of order or repeated", id)
		}
		last = at
		m.sections[id] = body
	}
	return r.err
}

// custom keeps the name section and passes over the other ones, which mean nothing to the engine and may be
// damaged or large (debug information).
func (m *module) custom(body []byte) error {
	r := &reader{b: body}
	if r.name() == "name" && r.err == nil {
		if m.names != nil {
			return invalid("wasm module has two name sections")
		}
		m.names = body[r.off:]
	}
	return r.err
}

func (m *module) readTypes() error {
	if m.sections[secType] == nil {
		return nil
	}
	r := &reader{b: m.sections[secType]}
	n := r.atMost(maxTypes, 3, "types")
	m.types = make([]funcType, 0, n)
	for range n {
		if form := r.byte(); form != 0x60 {
			r.fail("wasm type form %#x is not accepted; build without the garbage-collection proposal", form)
		}
		m.types = append(m.types, funcType{params: r.valueTypes(), results: r.valueTypes()})
		if r.err != nil {
			return r.err
		}
	}
	r.end("types")
	return r.err
}

// valueTypes returns the encoded types as they are, one byte each: a string can be compared and used as a key.
func (r *reader) valueTypes() string {
	b := r.take(r.atMost(maxTypeValues, 1, "values in one type"))
	for _, t := range b {
		if !isValueType(t) {
			r.fail("wasm value type %#x is not accepted", t)
		}
	}
	return string(b)
}

// Value types are v128, f64, f32, i64, i32 (0x7b to 0x7f) and the references.
func isValueType(t byte) bool {
	return t >= 0x7b && t <= 0x7f || isRefType(t)
}

// Reference types are funcref and externref.
func isRefType(t byte) bool { return t == 0x70 || t == 0x6f }

func (m *module) readFunctions() error {
	if m.sections[secFunction] == nil {
		return nil
	}
	r := &reader{b: m.sections[secFunction]}
	for range r.atMost(maxFunctions, 1, "functions") {
		t := r.u32()
		if int(t) >= len(m.types) {
			r.fail("wasm function has unknown type %d", t)
		}
		if r.err != nil {
			return r.err
		}
		m.funcs = append(m.funcs, t)
	}
	r.end("functions")
	return r.err
}

// readTables finds how large the tables are at the start; that is bounded in sum, since it is allocated for each
// instance. tableSection writes them.
func (m *module) readTables() error {
	if m.sections[secTable] == nil {
		return nil
	}
	r := &reader{b: m.sections[secTable]}
	m.definedTables = uint32(r.atMost(maxTableElements, 3, "tables"))
	m.tables += m.definedTables
	for range m.definedTables {
		r.refType()
		if m.tableMin += uint64(r.limits(nil).min); r.err == nil && m.tableMin > maxTableElements {
			r.fail("wasm tables start with %d elements; at most %d are accepted", m.tableMin, maxTableElements)
		}
		if r.err != nil {
			return r.err
		}
	}
	return r.err
}

// countGlobals reads no more than how many there are; globalSection reads the rest.
func (m *module) countGlobals() error {
	if m.sections[secGlobal] == nil {
		return nil
	}
	r := &reader{b: m.sections[secGlobal]}
	m.definedGlobals = uint32(r.atMost(maxGlobals, 3, "globals"))
	m.globals += m.definedGlobals
	return r.err
}

// readMemory finds how large the memory is at the start; how far it may grow is for the engine to bound.
func (m *module) readMemory() error {
	if m.sections[secMemory] == nil {
		return nil
	}
	r := &reader{b: m.sections[secMemory]}
	if n := r.count(2); n > 1 {
		r.fail("wasm module has %d memories; one is accepted", n)
	} else if n == 1 {
		m.memoryMin = r.limits(nil).min
	}
	r.end("memory")
	return r.err
}

type limits struct {
	min, max uint32
	hasMax   bool
}

// limits reads a min and an optional max; cap, if not nil, lowers the max.
func (r *reader) limits(cap *uint32) limits {
	var l limits
	switch flag := r.byte(); flag {
	case 0:
		l.min = r.u32()
	case 1:
		l.min, l.max, l.hasMax = r.u32(), r.u32(), true
	case 2, 3:
		r.fail("wasm module has a shared memory; build without threads")
	default:
		r.fail("wasm limits flag %#x is not accepted; build without memory64 and threads", flag)
	}
	// What starts above the cap does not grow: a maximum below the minimum would not be valid.
	if cap != nil {
		if most := max(*cap, l.min); !l.hasMax || l.max > most {
			l.max, l.hasMax = most, true
		}
	}
	return l
}

func (l limits) append(b []byte) []byte {
	if !l.hasMax {
		return appendU32(append(b, 0), l.min)
	}
	return appendU32(appendU32(append(b, 1), l.min), l.max)
}
