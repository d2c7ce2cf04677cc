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

// stack is that of a function's calls. wazero offers no way to ask for its size; the engine's function has it as its
// field "stack", of which only the length is read. With a version that has no such field it is empty, and a test fails.
type stack struct{ field reflect.Value }

func stackOf(fn api.Function) stack {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return stack{}
	}
	if f := v.Elem().FieldByName("stack"); f.Kind() == reflect.Slice {
		return stack{f}
	}
	return stack{}
}

// bytes is its size now.
func (s stack) bytes() int {
	if !s.field.IsValid() {
		return 0
	}
	return s.field.Len()
}

// checkStack stops the guest if its stack has become too large.
func (c *call) checkStack() {
	if c.running.bytes() > maxStack {
		c.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: stack overflow: its calls nest too deep", c.plugin.spec.Plugin, c.export))
	}
}

// lookEvery is how many calls too short to tick, which cannot have taken much, one look at the stack stands for.
const lookEvery = 16

// trimStack forgets a function whose stack has grown: the next call gets a small one.
func (i *instance) trimStack(name string) {
	if i.call.running.bytes() > keptStack {
		delete(i.exports, name)
	}
}
