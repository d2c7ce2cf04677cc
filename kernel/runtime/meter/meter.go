// Package meter rewrites a core WebAssembly module so that it cannot run for ever unobserved.
//
// One pass adds a counter ("fuel") that the guest cannot reach: every function entry and every loop
// iteration spends some, in proportion to how much straight-line code follows, and so do the bulk
// memory and table operations, in proportion to how much they move. When it is used up, which
// happens every Interval steps, the guest calls the one import that the pass adds. What that import
// does (yield, look at a deadline, count) is the host's affair.
//
// The pass is also the gate in front of the compiler. Nothing is copied through unread: every
// section, immediate and constant expression is decoded, checked against its bounds and encoded
// again in its shortest form, so that two decoders cannot disagree about where an instruction
// starts, and no count in a file can make a later stage allocate more than the file's own size.
// It does not check types; the compiler does. An invalid module stays invalid.
//
// Accepted is core WebAssembly 2.0 with tail calls and extended constants. Threads, exceptions,
// typed references, memory64 and the component model are refused with an error that names them.
// Custom sections are dropped, except the names of functions, which make traps readable.
//
// Everything here is a pure function and safe for concurrent use.
package meter

import "github.com/carapace-gateway/carapace/wit"

// Version names the rewriting; it changes whenever the output for some input does, and is part of
// the key of whatever caches that output.
const Version = "6"

// Interval is how many steps a guest makes between two calls of the tick import.
const Interval = 1 << 16

// Bounds on what is accepted. They hold before anything is allocated; bounds.go has those of functions.
const (
	MaxModuleBytes   = 64 << 20
	maxTypes         = 100_000
	maxTypeValues    = 1_000
	maxImports       = 10_000
	maxFunctions     = 1_000_000
	maxGlobals       = 100_000
	maxExports       = 100_000
	maxTableElements = 1 << 20
	maxSegments      = 1_000_000
)

// TickModule and TickName are the import that the pass adds, of type () -> ().
const (
	TickModule = "carapace:meter"
	TickName   = "tick"
)

// Options tune one rewriting. The zero value rewrites a module as it is.
type Options struct {
	// Import is asked about each import before it is written. It may rename it; an error refuses
	// the module. nil accepts all.
	Import func(Import) (Import, error)
	// MaxTableElements caps what table.grow can reach, in all tables together; 0 means no cap
	// beyond what the module declares.
	MaxTableElements uint32
	// Start, if not empty, is the name under which a start function is exported instead of being started, so that
	// whoever makes an instance calls it as any other function. A module that exports this name itself is refused.
	Start string
	// Apart puts the data that fills the memory into a section that the engine does not read, where nothing can tell; see Data.
	Apart bool
	// Image, if not empty, is the export by which a module says that its instances may begin as copies of one: its mutable
	// globals are exported then, see Globals.
	Image string
	// Interval is the number of steps between ticks; 0 means the constant Interval. Tests tick at
	// every step.
	Interval int64
}

// Instrument returns the metered form of a core module. Errors have code invalid and say what about
// the module is not accepted; wasm is neither kept nor changed.
func Instrument(wasm []byte, o Options) ([]byte, error) {
	m, err := parse(wasm)
	if err != nil {
		return nil, err
	}
	out, err := m.rewrite(o)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func invalid(format string, args ...any) error {
	return wit.Errorf(wit.CodeInvalid, format, args...)
}
