package runtime

import (
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/wit"
)

// A guest's call stack lies in Go's heap, outside of its memory. wazero lets it grow to 400 MB, twofold at a time, and
// keeps it for as long as the function that was called.
const (
	maxStack  = 16 << 20 // of a call; the next size is the last that it may reach between two looks
	keptStack = 1 << 20  // of an instance between calls
)

// stackBytes is how large the stack of a function's calls is. wazero offers no way to ask; the engine's function has it
// as its field "stack", of which only the length is read. A version without that field answers 0, and a test fails.
func stackBytes(fn api.Function) int {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	stack := v.Elem().FieldByName("stack")
	if stack.Kind() != reflect.Slice {
		return 0
	}
	return stack.Len()
}

// checkStack stops the guest if its stack has become too large.
func (c *call) checkStack() {
	if c.running != nil && stackBytes(c.running) > maxStack {
		c.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: stack overflow: its calls nest too deep", c.plugin.spec.Plugin, c.export))
	}
}

// lookEvery is how many calls too short to tick, which cannot have taken much, one look at the stack stands for.
const lookEvery = 16

// trimStack forgets a function whose stack has grown: the next call gets a small one.
func (i *instance) trimStack(name string) {
	if x := i.exports[name]; x != nil && stackBytes(x.fn) > keptStack {
		delete(i.exports, name)
	}
}
