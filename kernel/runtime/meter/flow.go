package meter

// flow finds what a loop carries from one iteration to the next: the locals that it sets and that may be read after its
// head. How fast a loop is depends on that, and nothing else does, so it need not be exact: the first locals are followed
// only, and two passes over a function have to do, however its loops nest.
type flow struct {
	events []event
	loops  []loop // in the order of their heads
	open   []int  // of them, from the outermost inwards
	blocks []label
}

// flowLocals are how many locals are followed. Functions that toolchains make seldom have more.
const flowLocals = 64

// locals is a set of those that are followed.
type locals uint64

// local is the set of one. It is empty for one that is not followed: nothing is left of a bit that is shifted so far.
func local(index uint32) locals { return 1 << index }

// loop is what is known of one.
type loop struct {
	set   locals // in it
	live  locals // at its head
	outer int    // the loop around it, or -1
	loud  bool   // something in it spends fuel besides the loops: what it calls, or moves
}

func (l *loop) carried() locals { return l.set & l.live }

// event is an instruction that reads or sets a local, or where control may do something else than go on.
type event struct {
	kind eventKind
	n    uint32 // the local, the label, or the loop's number
}

type eventKind byte

const (
	readLocal eventKind = iota
	setLocal
	beginBlock
	beginIf
	beginElse
	beginLoop
	endBlock // that of a function too
	endLoop
	jump // may go to a label
	stop // does not go on
)

// label is a block in the pass from the end to the beginning: what is live where a branch to it lands, and behind its else.
type label struct {
	branch, other locals
}

func (f *flow) reset() { f.events, f.loops, f.open = f.events[:0], f.loops[:0], f.open[:0] }

func (f *flow) add(kind eventKind, n uint32) {
	if kind <= setLocal && n >= flowLocals {
		return
	}
	if at := f.innermost(); kind == setLocal && at >= 0 {
		f.loops[at].set |= local(n)
	}
	f.events = append(f.events, event{kind, n})
}

// innermost is the number of the innermost open loop, or -1.
func (f *flow) innermost() int {
	if len(f.open) == 0 {
		return -1
	}
	return f.open[len(f.open)-1]
}

// enter begins a loop and returns its number.
func (f *flow) enter() int {
	n := len(f.loops)
	f.loops = append(f.loops, loop{outer: f.innermost()})
	f.open = append(f.open, n)
	f.add(beginLoop, uint32(n))
	return n
}

// leave ends the innermost loop. What is in it is in those around it.
func (f *flow) leave() {
	l := f.loops[f.innermost()]
	f.add(endLoop, uint32(f.innermost()))
	f.open = f.open[:len(f.open)-1]
	if l.outer >= 0 {
		f.loops[l.outer].set |= l.set
		f.loops[l.outer].loud = f.loops[l.outer].loud || l.loud
	}
}

// spend notes that the next instruction may spend fuel.
func (f *flow) spend() {
	if at := f.innermost(); at >= 0 {
		f.loops[at].loud = true
	}
}

// quiet says that nothing but the loops spends fuel in one. It is false for -1.
func (f *flow) quiet(loop int) bool { return loop >= 0 && !f.loops[loop].loud }

// solve finds what is live at the loops' heads, once the function was read to its end.
func (f *flow) solve() {
	if len(f.loops) == 0 {
		return
	}
	for range 2 {
		live := locals(0)
		f.blocks = f.blocks[:0]
		for n := len(f.events) - 1; n >= 0; n-- {
			live = f.before(f.events[n], live)
		}
	}
}

// before is what is live before an event, from what is live after it. What it knows of branches to a loop's head is what
// the pass before has found.
func (f *flow) before(e event, live locals) locals {
	top := len(f.blocks) - 1
	switch e.kind {
	case readLocal:
		return live | local(e.n)
	case setLocal:
		return live &^ local(e.n)
	case jump:
		return live | f.blocks[top-int(e.n)].branch
	case stop:
		return 0
	case endBlock:
		f.blocks = append(f.blocks, label{branch: live, other: live})
	case endLoop:
		f.blocks = append(f.blocks, label{branch: f.loops[e.n].live})
	case beginElse:
		f.blocks[top].other = live
		return f.blocks[top].branch
	case beginIf:
		live |= f.blocks[top].other
		f.blocks = f.blocks[:top]
	case beginLoop:
		f.loops[e.n].live |= live
		f.blocks = f.blocks[:top]
	case beginBlock:
		f.blocks = f.blocks[:top]
	}
	return live
}
