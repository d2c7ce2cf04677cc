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

// body rewrites one function. What it is charged, and where, is known only at the end, so the charges are put between its
// instructions after all of them were read.
type body struct {
	*rewriter
	r          *reader
	out        []byte // without the charges
	charges    []charge
	whole      []byte // with the charges
	keeping    []uint32
	flow       *flow
	localTypes []byte // of the locals that are followed
	local      uint32 // scratch i64
	calls      int
	opened     []opened // the function itself first
	loops      int      // open ones
	work       work
	// pending is true while control can only have come straight from the entry, which is not yet
	// paid for; a loop that is reached so pays for both.
	pending bool
}

// opened is a block that waits for its end: which charge pays for it, or -1, and the cost before it.
type opened struct {
	charge, cost int
	label        int // values that a branch to it passes on
	frame        int // values that it takes on the call stack, which only the function itself does
	loop         bool
}

// codeSection rewrites all functions and appends the helpers. The buffers are shared by the functions, since
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
	b := make([]byte, 0, len(src)+len(src)/8+64)
	f := &body{flow: &flow{}}
	for i := range n {
		size := int(r.u32())
		if size > maxBody {
			r.fail("wasm function has %d MB of code; at most %d MB are accepted", size>>20, maxBody>>20)
		}
		own := w.types[defined[i]]
		f.flow.reset()
		*f = body{rewriter: w, r: &reader{b: r.take(size)}, pending: true,
			out: f.out[:0], charges: f.charges[:0], whole: f.whole, keeping: f.keeping, flow: f.flow,
			localTypes: append(f.localTypes[:0], own.params[:min(len(own.params), flowLocals)]...),
			opened:     append(f.opened[:0], opened{charge: -1, label: len(own.results)})}
		if r.err != nil {
			return nil, r.err
		}
		var err error
		if b, err = f.rewrite(b, uint32(len(own.params))); err != nil {
			return nil, err
		}
		w.work.add(f.work)
		if err := w.work.check("module", maxMovedInAll, maxJoinedInAll); err != nil {
			return nil, err
		}
	}
	r.end("code")
	b = w.helpers(b)
	return append(appendU32(make([]byte, 0, len(b)+5), uint32(n)+w.helperCount()), b...), r.err
}

// rewrite appends the function. Its instructions are read first because only they tell whether the scratch local is
// needed, and it has to be declared before them. It is the last local, so the function's own keep their indices.
func (f *body) rewrite(b []byte, params uint32) ([]byte, error) {
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
		for range min(n, flowLocals-uint32(len(f.localTypes))) {
			f.localTypes = append(f.localTypes, t)
		}
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
	if len(f.charges) > 0 {
		groups++
		decl = append(decl, 1, 0x7e)
	}
	f.flow.solve()
	code := f.charged()
	locals := appendU32(nil, uint32(groups))
	b = appendU32(b, uint32(len(locals)+len(decl)+len(code)))
	return append(append(append(b, locals...), decl...), code...), nil
}

// cost is how much of the function has been read, in bytes of input, with calls counted as if a small callee stood
// in their place. Bytes of input are a fair measure of work because no instruction does unbounded work but loops,
// calls and the bulk operations, and those pay for themselves.
func (f *body) cost() int { return f.r.off + f.calls*callBytes }

// payEntry charges for the function before control can leave the straight line from its entry.
func (f *body) payEntry() {
	if f.pending {
		f.pending = false
		f.opened[0].charge = f.charge(-1)
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
	number := f.flow.enter()
	f.charge(number) // fetches
	t := f.blockType(0x03)
	if len(t.params) > 0 {
		f.flow.spend() // at the head itself, as at an entry: from within the charge there is no way back with parameters
		number = -1
	}
	at := f.charge(number)
	if f.pending {
		f.pending = false
		f.opened[0].charge = at // pays for the whole function, at each turn
		at = -1
	}
	if f.loops++; f.loops > maxLoops {
		f.r.fail("wasm function nests more than %d loops", maxLoops)
	}
	f.open(opened{charge: at, label: len(t.params), loop: true})
}

// end closes the innermost block. A function that has no loop, calls nothing and is small is free, because its callers
// have counted callBytes for it.
func (f *body) end() {
	last := len(f.opened) - 1
	o := f.opened[last]
	if last == 0 {
		if f.calls == 0 && len(f.flow.loops) == 0 && f.cost() <= smallBytes {
			f.charges, o.charge = f.charges[:0], -1
		} else {
			f.payEntry()
			o = f.opened[0]
		}
	}
	if o.charge >= 0 {
		f.charges[o.charge].steps = int64(1 + (f.cost()-o.cost)/stepBytes + o.frame/frameValues)
	}
	if o.loop {
		f.loops--
		f.flow.leave()
	} else {
		f.flow.add(endBlock, 0)
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
