package meter

import (
	"strings"

	"github.com/carapace-gateway/carapace/kernel/runtime/leb"
)

// rewriter holds what the sections of one output share.
//
// Index spaces change in three places only: the tick import follows the module's own imported
// functions, so every defined function moves up by one; two helper functions and the fuel global
// come last, so nothing else moves.
type rewriter struct {
	*module
	o       Options
	fuel    uint32 // global
	refill  uint32 // function () -> (): fuel = Options.Interval, then tick
	bulk    uint32 // function (i32) -> (i32): pays for moving that many units, and returns them
	typeNil uint32 // type () -> ()
	typeI32 uint32 // type (i32) -> (i32)
	work    work   // of all functions so far

	mutable []uint32 // globals that the module defines
	opaque  bool     // one of them cannot be written down
	apart   bool     // the data are in aside
	aside   []byte

	keepers  []string // types of the helpers that refill and return what they are passed
	keptLeft int      // how many values loops may still pass so
}

// rewrite writes the sections in the order of the format. Each is made by a function of its own, which returns nil
// for a section that the output does not have. The sections that the pass adds to (types, imports, functions,
// globals, code) are there always.
func (m *module) rewrite(o Options) ([]byte, error) {
	if o.Interval <= 0 {
		o.Interval = Interval
	}
	n := uint32(len(m.funcs))
	w := &rewriter{module: m, o: o, fuel: m.globals, refill: n + 1, bulk: n + 2,
		typeNil: uint32(len(m.types)), typeI32: uint32(len(m.types)) + 1, keptLeft: maxKept}
	// The code comes first, since it says which helpers there are.
	code, err := w.codeSection()
	if err != nil {
		return nil, err
	}
	sections := [secCount]func() ([]byte, error){
		secType: w.typeSection, secImport: w.importSection, secFunction: w.functionSection,
		secTable: w.tableSection, secMemory: w.memorySection, secGlobal: w.globalSection,
		secExport: w.exportSection, secStart: w.startSection, secElement: w.elementSection,
		secDataCount: w.dataCountSection, secCode: func() ([]byte, error) { return code, nil }, secData: w.dataSection,
	}
	out := make([]byte, 0, 64)
	out = append(out, 0, 'a', 's', 'm', 1, 0, 0, 0)
	for _, id := range order {
		body, err := sections[id]()
		if err != nil {
			return nil, err
		}
		if body != nil {
			out = appendSection(out, id, body)
		}
	}
	if w.apart {
		out = appendSection(out, secCustom, w.aside)
	}
	if names := w.nameSection(); names != nil {
		out = appendSection(out, secCustom, names)
	}
	return out, nil
}

// function maps an index of the input to one of the output.
func (w *rewriter) function(r *reader, index uint32) uint32 {
	if int(index) >= len(w.funcs) {
		r.fail("wasm module refers to function %d, which it does not have", index)
		return 0
	}
	if index >= w.importedFuncs {
		index++
	}
	return index
}

// global checks an index. The fuel is the first one that a module does not have, so no instruction of the module
// can reach it.
func (w *rewriter) global(r *reader, index uint32) uint32 {
	if index >= w.globals {
		r.fail("wasm module refers to global %d, which it does not have", index)
	}
	return index
}

// typeSection copies the types and adds the two of the tick and the helpers, at the end, so no index moves.
func (w *rewriter) typeSection() ([]byte, error) {
	b := appendU32(nil, uint32(len(w.types))+w.helperCount())
	for _, t := range w.types {
		b = appendName(append(b, 0x60), t.params)
		b = appendName(b, t.results)
	}
	b = append(b, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f)
	for _, types := range w.keepers {
		b = appendName(appendName(append(b, 0x60), types), types)
	}
	return b, nil
}

// importSection copies the imports and adds the tick as the last one. It is the last of the imported functions, so
// those before it keep their indices and all defined ones move up by one.
func (w *rewriter) importSection() ([]byte, error) {
	b := appendU32(nil, uint32(len(w.imports))+1)
	for _, i := range w.imports {
		if w.o.Import != nil {
			renamed, err := w.o.Import(i)
			if err != nil {
				return nil, err
			}
			i.Module, i.Name = renamed.Module, renamed.Name
		}
		b = append(appendName(appendName(b, i.Module), i.Name), i.kind)
		if i.kind == kindFunc {
			b = appendU32(b, i.typeIndex)
		} else {
			b = append(b, i.desc...)
		}
	}
	b = append(appendName(appendName(b, TickModule), TickName), kindFunc)
	return appendU32(b, w.typeNil), nil
}

func (w *rewriter) functionSection() ([]byte, error) {
	defined := w.funcs[w.importedFuncs:]
	b := appendU32(nil, uint32(len(defined))+w.helperCount())
	for _, t := range defined {
		b = appendU32(b, t)
	}
	b = appendU32(appendU32(b, w.typeNil), w.typeI32)
	for n := range w.keepers {
		b = appendU32(b, w.typeI32+1+uint32(n))
	}
	return b, nil
}

// tableSection copies the tables with lower maxima. A cap is shared out evenly, because a maximum is that of one
// table.
func (w *rewriter) tableSection() ([]byte, error) {
	if w.sections[secTable] == nil {
		return nil, nil
	}
	r := &reader{b: w.sections[secTable]}
	n := r.count(3)
	b := appendU32(nil, uint32(n))
	left := w.o.MaxTableElements
	for range n {
		ref := r.refType()
		var cap *uint32
		if left > 0 {
			share := left / uint32(n)
			cap = &share
		}
		l := r.limits(cap)
		if r.err != nil {
			return nil, r.err
		}
		b = l.append(append(b, ref))
	}
	r.end("tables")
	return b, r.err
}

func (w *rewriter) memorySection() ([]byte, error) {
	if w.sections[secMemory] == nil {
		return nil, nil
	}
	r := &reader{b: w.sections[secMemory]}
	n := r.count(2)
	b := appendU32(nil, uint32(n))
	for range n {
		b = r.limits(nil).append(b)
	}
	return b, r.err
}

// globalSection copies the globals and adds the fuel, full at the start of each instance.
func (w *rewriter) globalSection() ([]byte, error) {
	r := &reader{b: w.sections[secGlobal]}
	n := uint32(0)
	if w.sections[secGlobal] != nil {
		n = r.u32()
	}
	b := appendU32(nil, n+1)
	for index := range n {
		kind := r.globalType()
		if w.noteGlobal(w.globals-w.definedGlobals+index, kind); r.err != nil {
			return nil, r.err
		}
		b = append(b, kind...)
		if b = w.constExpr(r, b); r.err != nil {
			return nil, r.err
		}
	}
	r.end("globals")
	b = append(b, 0x7e, 1, 0x42) // mutable i64
	return append(leb.AppendSigned(b, w.o.Interval), 0x0b), r.err
}

// exportSection copies the exports, with the functions' new indices. None of what the pass adds is exported, except
// the start function and the mutable globals where they are asked for.
func (w *rewriter) exportSection() ([]byte, error) {
	start, err := w.startFunction()
	if err != nil || w.sections[secExport] == nil && (start == nil || w.o.Start == "") {
		return nil, err
	}
	var count uint32
	var b []byte
	taken, image := "", false
	err = w.eachExport(func(name string, kind byte, index uint32) {
		if kind == kindFunc && index >= w.importedFuncs {
			index++
		}
		count++
		if w.o.Start != "" && name == w.o.Start || w.o.Image != "" && strings.HasPrefix(name, globalPrefix) {
			taken = name
		}
		image = image || w.o.Image != "" && name == w.o.Image
		b = appendU32(append(appendName(b, name), kind), index)
	})
	if err == nil && taken != "" {
		return nil, invalid("wasm module exports %q, a name that belongs to the host", taken)
	}
	if image {
		globals, n := w.globalExports()
		b, count = append(b, globals...), count+n
	}
	if start != nil && w.o.Start != "" {
		count++
		b = append(append(appendName(b, w.o.Start), kindFunc), start...)
	}
	return append(appendU32(nil, count), b...), err
}

func (w *rewriter) startSection() ([]byte, error) {
	if w.o.Start != "" {
		return nil, nil
	}
	return w.startFunction()
}

// startFunction is the start function's index, encoded; nil for none.
func (w *rewriter) startFunction() ([]byte, error) {
	if w.sections[secStart] == nil {
		return nil, nil
	}
	r := &reader{b: w.sections[secStart]}
	index := r.u32()
	b := appendU32(nil, w.function(r, index))
	r.end("start section")
	if r.err == nil && w.types[w.funcs[index]] != (funcType{}) {
		r.fail("wasm start function takes or returns something")
	}
	return b, r.err
}

func (w *rewriter) dataCountSection() ([]byte, error) {
	if w.sections[secDataCount] == nil {
		return nil, nil
	}
	r := &reader{b: w.sections[secDataCount]}
	b := appendU32(nil, r.u32())
	r.end("data count section")
	return b, r.err
}
