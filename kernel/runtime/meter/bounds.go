package meter

// Bounds on what the compiler has to do. Its time and memory follow from how many values instructions pass on (two
// bytes of code can pass a thousand), from how many locals live across how many blocks, and, more than in
// proportion, from how deep blocks and loops nest. The size of a file says nothing about these.
//
// Each is a multiple of the most that was found in modules which toolchains make of real programs: Go (3.9 MB),
// TinyGo, Rust, Zig, C with and without optimization, Haskell, AssemblyScript. Those had in one function 11,000
// values, 640,000 joins, 2,500 locals, 1,700 blocks in each other and 85 KB of code, and in all functions of a
// module 170,000 values and 890,000 joins.
const (
	maxBody    = 2 << 20 // bytes of one function
	maxLocals  = 20_000
	maxNesting = 4_000
	maxLoops   = 100 // in each other

	maxMoved  = 100_000 // by one function
	maxJoined = 1_500_000

	maxMovedInAll  = 4_000_000 // by all functions of a module
	maxJoinedInAll = 16_000_000

	// maxKept are the values that loops pass to a refill and back, in all functions: those modules had 9,000. Loops
	// beyond it pass none and are slower.
	maxKept = maxMoved / 2

	labelWork = 4 // of one label, in values
)

// work is what the compiler has to do for one function, or for all.
type work struct {
	moved  int // values that instructions pass on: to a block, to each label of a branch, to and from a call
	joined int // locals, and blocks around, at the beginning of each block
}

func (w *work) add(o work) {
	w.moved += o.moved
	w.joined += o.joined
}

func (w *work) call(t funcType) { w.moved += len(t.params) + len(t.results) }

// check returns an error if what is that much work.
func (w *work) check(what string, moved, joined int) error {
	if w.moved > moved {
		return invalid("wasm %s passes on %d values in branches, blocks and calls; at most %d are accepted", what, w.moved, moved)
	}
	if w.joined > joined {
		return invalid("wasm %s joins %d locals and blocks where blocks begin; at most %d are accepted", what, w.joined, joined)
	}
	return nil
}
