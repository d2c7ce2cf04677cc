package runtime

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// Crash is the error of a call that ended its guest, by a trap, a panic, an exit or a deadline, or that the guest calls its
// own fault (CodeInternal), having said more on stderr: the project's SDK catches panics so. Text and code are for whoever
// called. The rest is for the plugin's author: it is a guest's, so it may hold control characters, and secrets that the
// guest knows.
type Crash struct {
	Export string
	// Output is what the guest wrote to stderr in the call, at most 16 KB, the last lines of it. A panic of Go's runtime
	// is there with its stack.
	Output string
	// Unlogged says that the output is no lines that the guest wrote, which are in its log, but where a script has thrown.
	Unlogged bool
	// Stack are the WebAssembly functions that were being called, the innermost first, one a line, at most 4 KB. A
	// function has a name where the module has a name section, and a number where not. A script or a program has none: its
	// interpreter's functions say nothing of it.
	Stack string

	err error
}

// Error implements error.
func (c *Crash) Error() string { return c.err.Error() }

// Unwrap returns the error with its code.
func (c *Crash) Unwrap() error { return c.err }

// Uncoded is the error of a guest that failed with one that has no code of the contract.
type Uncoded struct{ Err error }

// Error implements error.
func (u *Uncoded) Error() string { return u.Err.Error() }

// Unwrap returns the error with its code.
func (u *Uncoded) Unwrap() error { return u.Err }

const maxCrashStack = 4 << 10

// fault adds what a guest has said to an error that it calls its own fault.
func (c *call) fault(err error) error {
	if wit.CodeOf(err) != wit.CodeInternal || len(c.console.last) == 0 {
		return err
	}
	return &Crash{Export: c.export, Output: c.console.tail(), err: err}
}

// crash adds what a guest left behind to the error that ended its call; trap is the engine's. An interpreter's functions say nothing
// of what it interprets, so that its author is told the export instead.
func (c *call) crash(err, trap error) error {
	if tail := c.console.tail(); c.plugin.spec.interpreted() {
		where := "in " + c.export + "; the interpreter does not say where"
		return &Crash{Export: c.export, Output: cmp.Or(tail, where), Unlogged: tail == "", err: err}
	}
	return &Crash{Export: c.export, Output: c.console.tail(), Stack: stackTrace(trap.Error()), err: err}
}

// stackTrace are the functions in the text of an engine's error. What Go's own runtime says behind them is about the
// gateway.
func stackTrace(text string) string {
	_, stack, _ := strings.Cut(text, "\nwasm stack trace:\n")
	stack, _, _ = strings.Cut(stack, "\n\nGo runtime stack trace:")
	var lines []string
	metered := false
	for line := range strings.Lines(stack) {
		// The engine writes the module's name first, and guests have none. A number counts the function that the meter
		// has added before all of the guest's own.
		line = strings.TrimPrefix(strings.TrimSpace(line), ".")
		if ours, tick := metered, strings.HasPrefix(line, meter.TickModule+"."); ours || tick {
			metered = tick // the meter's own function comes between its import and the guest
			continue
		}
		var n int
		if _, err := fmt.Sscanf(line, "$%d(", &n); err == nil {
			_, signature, _ := strings.Cut(line, "(")
			line = fmt.Sprintf("$%d(%s", n-1, signature)
		}
		lines = append(lines, line)
	}
	return clip(strings.ToValidUTF8(strings.Join(lines, "\n"), "\uFFFD"), maxCrashStack)
}
