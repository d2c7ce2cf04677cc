package meter

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/runtime/leb"
)

// charge is a place where steps are paid for, the entry of a function or the head of a loop. Without steps it is the place
// before a loop, where the fuel may be fetched.
type charge struct {
	at    int // in the instructions
	steps int64
	loop  int // its number, or -1
}

// charge begins one here and returns its index.
func (f *body) charge(loop int) int {
	f.charges = append(f.charges, charge{at: len(f.out), loop: loop})
	return len(f.charges) - 1
}

// charged returns the instructions with the charges between them.
func (f *body) charged() []byte {
	if len(f.charges) == 0 {
		return f.out
	}
	b, from := f.whole[:0], 0
	for _, c := range f.charges {
		b = append(b, f.out[from:c.at]...)
		from = c.at
		switch {
		case c.steps > 0:
			b = f.pay(b, c)
		case f.flow.quiet(c.loop) && !f.flow.quiet(f.flow.loops[c.loop].outer):
			b = f.fetch(b)
		}
	}
	f.whole = append(b, f.out[from:]...)
	return f.whole
}

// fetch appends "local = fuel". In a loop where nobody else spends any, the local is what the fuel is, and need not be
// fetched at the head.
func (f *body) fetch(b []byte) []byte {
	b = appendU32(append(b, 0x23), f.fuel)
	return appendU32(append(b, 0x21), f.local)
}

// pay appends "fuel -= steps; if fuel >= 0 {} else { refill }". Why it is said in this order: the compiler gives registers
// along the first of two branches first, and puts a second one that does not come back here behind everything else.
//
// In a loop it goes back to the head when it has refilled, and pays again. A step more than an interval has could never be
// paid, so there it counts as an interval.
func (f *body) pay(b []byte, c charge) []byte {
	if f.flow.quiet(c.loop) {
		b = appendU32(append(b, 0x20), f.local)
	} else {
		b = appendU32(append(b, 0x23), f.fuel)
	}
	b = leb.AppendSigned(append(b, 0x42), min(c.steps, f.o.Interval))
	b = appendU32(append(b, 0x7d, 0x22), f.local)
	b = appendU32(append(b, 0x24), f.fuel)
	b = appendU32(append(b, 0x20), f.local)
	b = append(b, 0x42, 0, 0x59, 0x04, 0x40, 0x05)
	if c.loop < 0 {
		return append(appendU32(append(b, 0x10), f.refill), 0x0b)
	}
	b = f.keep(b, f.flow.loops[c.loop].carried())
	if f.flow.quiet(c.loop) {
		b = f.fetch(b)
	}
	return append(b, 0x0c, 1, 0x0b)
}

// keep appends the call of a helper that refills and returns what it is passed, which is what the loop carries. Otherwise
// the compiler would have to keep that in memory, since it lives across a call, and write it there in each iteration.
func (f *body) keep(b []byte, carried locals) []byte {
	kept := f.kept(carried)
	types := make([]byte, 0, 2*keptOfKind)
	for _, n := range kept {
		b = appendU32(append(b, 0x20), n)
		types = append(types, f.localTypes[n])
	}
	b = appendU32(append(b, 0x10), f.keeper(string(types)))
	for _, n := range slices.Backward(kept) {
		b = appendU32(append(b, 0x21), n)
	}
	return b
}

// keptOfKind is how many integers, and how many other numbers, the compiler passes in registers.
const keptOfKind = 7

// kept lists the locals to keep, as many as there are registers for. It orders them by their types, so that a few helpers
// are enough for all loops.
func (f *body) kept(carried locals) []uint32 {
	list := f.keeping[:0]
	for _, kind := range [...][2]byte{{0x7f, 0x7e}, {0x7d, 0x7c}} {
		room := min(keptOfKind, f.keptLeft)
		for _, t := range kind {
			for n, have := range f.localTypes {
				if have == t && carried&local(uint32(n)) != 0 && room > 0 {
					list = append(list, uint32(n))
					room--
					f.keptLeft--
				}
			}
		}
	}
	f.keeping = list
	return list
}

// keeper is the helper that refills and returns what it is passed, of such types.
func (w *rewriter) keeper(types string) uint32 {
	if types == "" {
		return w.refill
	}
	n := slices.Index(w.keepers, types)
	if n < 0 {
		n = len(w.keepers)
		w.keepers = append(w.keepers, types)
	}
	return w.bulk + 1 + uint32(n)
}

// helperCount is how many functions the pass adds.
func (w *rewriter) helperCount() uint32 { return 2 + uint32(len(w.keepers)) }

// helpers appends the functions that the charges call.
func (w *rewriter) helpers(b []byte) []byte {
	refill := leb.AppendSigned([]byte{0, 0x42}, w.o.Interval)
	refill = appendU32(append(refill, 0x24), w.fuel)
	refill = appendU32(append(refill, 0x10), w.importedFuncs)

	bulk := appendU32([]byte{0, 0x23}, w.fuel)
	bulk = append(bulk, 0x20, 0, 0x41, bulkShift, 0x76, 0xad, 0x7d) // - (n >> bulkShift)
	bulk = appendU32(append(bulk, 0x24), w.fuel)
	bulk = appendU32(append(bulk, 0x23), w.fuel)
	bulk = appendU32(append(bulk, 0x42, 0, 0x53, 0x04, 0x40, 0x10), w.refill)
	bulk = append(bulk, 0x0b, 0x20, 0)

	add := func(code []byte) {
		b = append(append(appendU32(b, uint32(len(code)+1)), code...), 0x0b)
	}
	add(refill)
	add(bulk)
	for _, types := range w.keepers {
		code := slices.Clone(refill)
		for n := range len(types) {
			code = append(code, 0x20, byte(n))
		}
		add(code)
	}
	return b
}
