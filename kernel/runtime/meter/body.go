package meter

import "github.com/carapace-gateway/carapace/kernel/runtime/leb"

// Costs. A step is one loop iteration or function entry plus one for each stepBytes of code behind
// it; a call counts as much code as a function that is too small to be metered itself may have.
const (
	stepBytes  = 128
	callBytes  = 64
	smallBytes = 64
	bulkShift  = 4 // bytes or elements moved per step, as a power of two
	// frameValues are the locals on the call stack that count as a step: what a call takes of the stack is paid for, so
	// that it cannot grow far from one tick to the next.
	frameValues = 16
)

// body rewrites one function. Charges are written with room for their weight, which is known only at
// the end of what they pay for.
type body struct {
	*rewriter
	r      *reader
	out    []byte
	local  uint32 // scratch i64
	used   bool
	calls  int
	opened []opened // the function itself first
	loops  int      // open ones
	work   work
	// pending is true while control can only have come straight from the entry, which is not yet
	// paid for; a loop that is reached so pays for both.
	pending bool
}

// opened is a block that waits for its end: where its weight goes, or -1, and the cost before it.
type opened struct {
	at, cost int
	label    int // values that a branch to it passes on
	frame    int // values that it takes on the call stack, which only the function itself does
	loop     bool
}

// codeSection rewrites all functions and appends the helpers. The scratch buffer is shared by the functions, since
// a body is copied into the section before the next one begins; that keeps a module of a million functions from
// making a million buffers.
func (w *rewriter) codeSection() ([]byte, error) {
	defined := w.funcs[w.importedFuncs:]
	src := w.sections[secCode]
	r := &reader{b: src}
	n := 0
	if src != nil {
		n = r.count(2)
	}
	if n != len(defined) {
		return nil, invalid("wasm module declares %d functions and has code for %d", len(defined), n)
	}
	// The charges make code about an eighth longer; a wrong guess costs a copy, no more.
	b := appendU32(make([]byte, 0, len(src)+len(src)/8+64), uint32(n)+2)
	var scratch []byte
	for i := range n {
		size := int(r.u32())
		if size > maxBody {
			r.fail("wasm function has %d MB of code; at most %d MB are accepted", size>>20, maxBody>>20)
		}
		own := w.types[defined[i]]
		f := &body{rewriter: w, r: &reader{b: r.take(size)}, out: scratch[:0], pending: true,
			opened: []opened{{at: -1, label: len(own.results)}}}
		if r.err != nil {
			return nil, r.err
		}
		locals, err := f.rewrite(uint32(len(own.params)))
		if err != nil {
			return nil, err
		}
		w.work.add(f.work)
		if err := w.work.check("module", maxMovedInAll, maxJoinedInAll); err != nil {
			return nil, err
		}
		scratch = f.out
		b = appendU32(b, uint32(len(locals)+len(f.out)))
		b = append(append(b, locals...), f.out...)
	}
	r.end("code")
	return w.helpers(b), r.err
}

// helpers appends the two functions that the charges call.
func (w *rewriter) helpers(b []byte) []byte {
	refill := []byte{0, 0x42}
	refill = append(leb.AppendSigned(refill, w.o.Interval), 0x24)
	refill = append(appendU32(refill, w.fuel), 0x10)
	refill = append(appendU32(refill, w.importedFuncs), 0x0b)

	bulk := []byte{0, 0x23}
	bulk = appendU32(bulk, w.fuel)
	bulk = append(bulk, 0x20, 0, 0x41, bulkShift, 0x76, 0xad, 0x7d, 0x24) // - (n >> bulkShift)
	bulk = append(appendU32(bulk, w.fuel), 0x23)
	bulk = append(appendU32(bulk, w.fuel), 0x42, 0, 0x53, 0x04, 0x40, 0x10)
	bulk = append(appendU32(bulk, w.refill), 0x0b, 0x20, 0, 0x0b)

	b = append(appendU32(b, uint32(len(refill))), refill...)
	return append(appendU32(b, uint32(len(bulk))), bulk...)
}

// rewrite fills out with the instructions and returns the declarations of locals.
// The order matters: the instructions come first because only they tell whether the scratch local is needed, and
// it has to be declared before them. It is the last local, so the function's own keep their indices.
func (f *body) rewrite(params uint32) ([]byte, error) {
	r := f.r
	groups := r.count(2)
	decl := []byte{}
	total := uint64(params)
	for range groups {
		n, t := r.u32(), r.byte()
		if !isValueType(t) {
			r.fail("wasm local type %#x is not accepted", t)
		}
		if total += uint64(n); total > maxLocals {
			r.fail("wasm function has more than %d locals", maxLocals)
		}
		if r.err != nil {
			return nil, r.err
		}
		decl = append(appendU32(decl, n), t)
	}
	f.local = uint32(total)
	f.opened[0].frame = int(total)
	for len(f.opened) > 0 && r.err == nil {
		f.instruction()
	}
	if r.end("function"); r.err != nil {
		return nil, r.err
	}
	if err := f.work.check("function", maxMoved, maxJoined); err != nil {
		return nil, err
	}
	if f.used {
		groups++
		decl = append(decl, 1, 0x7e)
	}
	return append(appendU32(nil, uint32(groups)), decl...), nil
}

// cost is how much of the function has been read, in bytes of input, with calls counted as if a small callee stood
// in their place. Bytes of input are a fair measure of work because no instruction does unbounded work but loops,
// calls and the bulk operations, and those pay for themselves.
func (f *body) cost() int { return f.r.off + f.calls*callBytes }

// charge writes "fuel -= weight; if fuel < 0 { refill }" and returns where the weight is.
func (f *body) charge() (at int) {
	f.used = true
	b := append(appendU32(append(f.out, 0x23), f.fuel), 0x42)
	at = len(b)
	// The weight is an i64.const in four bytes, longer than it has to be, so that weigh can put any weight in
	// later without moving what follows.
	b = append(b, 0x81, 0x80, 0x80, 0x00, 0x7d, 0x22)
	b = append(appendU32(b, f.local), 0x24)
	b = append(appendU32(b, f.fuel), 0x20)
	b = append(appendU32(b, f.local), 0x42, 0, 0x53, 0x04, 0x40, 0x10)
	f.out = append(appendU32(b, f.refill), 0x0b)
	return at
}

// weigh writes a charge's weight once the code that it pays for has been read. The bound is what four bytes of a
// positive signed LEB128 can hold.
func (f *body) weigh(o opened) {
	if o.at < 0 {
		return
	}
	v := min(1+(f.cost()-o.cost)/stepBytes+o.frame/frameValues, 1<<26)
	for i := range 4 {
		c := byte(v>>(7*i)) & 0x7f
		if i < 3 {
			c |= 0x80
		}
		f.out[o.at+i] = c
	}
}

// payEntry charges for the function before control can leave the straight line from its entry.
func (f *body) payEntry() {
	if f.pending {
		f.pending = false
		f.opened[0].at = f.charge()
	}
}

// open begins a block, a branch to which passes on so many values. The bound on nesting keeps this stack, and the
// compiler's, from growing with the file.
func (f *body) open(o opened) {
	if len(f.opened) > maxNesting {
		f.r.fail("wasm function nests more than %d blocks", maxNesting)
	}
	o.cost = f.cost()
	f.work.joined += int(f.local) + len(f.opened)
	f.opened = append(f.opened, o)
}

// loop charges at the head of a loop, inside it, so that each iteration pays: a branch to a loop's label lands
// here. This alone makes an endless loop reach the tick.
func (f *body) loop() {
	t := f.blockType(0x03)
	at := f.charge()
	if f.pending {
		f.pending = false
		f.opened[0].at = at // pays for the whole function, at each turn
		at = -1
	}
	if f.loops++; f.loops > maxLoops {
		f.r.fail("wasm function nests more than %d loops", maxLoops)
	}
	f.open(opened{at: at, label: len(t.params), loop: true})
}

// end closes the innermost block. A function that ends without having paid was straight-line code: it pays here if
// it is large, and is free if it is small, because its callers have counted callBytes for it.
func (f *body) end() {
	last := len(f.opened) - 1
	if last == 0 && f.cost() > smallBytes {
		f.payEntry()
	}
	f.weigh(f.opened[last])
	if f.opened[last].loop {
		f.loops--
	}
	f.opened = f.opened[:last]
	f.out = append(f.out, 0x0b)
}

// blockType copies the beginning of a block, and returns its type: none, one value, or the index of a function type.
// It is a signed 33-bit number, where the negative ones are the short forms.
func (f *body) blockType(op byte) (t funcType) {
	f.out = append(f.out, op)
	v := f.r.signed(33)
	switch {
	case v == -64:
		f.out = append(f.out, 0x40)
	case v < 0 && isValueType(byte(v)&0x7f):
		t.results = string([]byte{byte(v) & 0x7f})
		f.out = append(f.out, t.results...)
	case v >= 0 && v < int64(len(f.types)):
		t = f.types[v]
		f.out = leb.AppendSigned(f.out, v)
	default:
		f.r.fail("wasm block has a type that is not accepted")
	}
	f.work.moved += len(t.params) + len(t.results)
	return t
}
