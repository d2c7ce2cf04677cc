package runtime

import (
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/wit"
)

// A guest's call stack lies in Go's heap, outside of its memory. wazero lets it grow to 400 MB, twofold at a time, and
// keeps it for as long as the function that was called.
const (
	maxStack  = 6 << 20 // of a call, about that of a thread; the next size is the last that it may reach between two looks
	keptStack = 1 << 20 // of an instance between calls
)

// stack is that of a function's calls. wazero offers no way to ask for its size; the engine's function has it as its
// field "stack", of which only the length is read. With a version that has no such field it is empty, and a test fails.
type stack struct {
	field   reflect.Value
	counted int64 // of its size, in the instance's account
}

func stackOf(fn api.Function) stack {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return stack{}
	}
	if f := v.Elem().FieldByName("stack"); f.Kind() == reflect.Slice {
		return stack{field: f}
	}
	return stack{}
}

// bytes is its size now.
func (s *stack) bytes() int {
	if s == nil || !s.field.IsValid() {
		return 0
	}
	return s.field.Len()
}

// checkStack counts the guest's stack, and stops the guest if it has become too large.
func (c *call) checkStack() {
	size := c.running.bytes()
	if size > maxStack {
		c.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: stack overflow: its calls nest too deep", c.plugin.spec.Plugin, c.export))
	}
	if size > freeBytes && !c.room.resize(&c.running.counted, beyond(size)) {
		c.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: %s has no memory for its call stack%s", c.plugin.spec.Plugin, c.export, c.reason()))
	}
}

// lookEvery is how many calls too short to tick, which cannot have taken much, one look at the stack stands for.
const lookEvery = 16

// trimStack forgets a function whose stack has grown too large to be kept: the next call gets a small one. So
// does one for whose size there is no room. What one that is kept has is counted.
func (i *instance) trimStack(name string) {
	running := i.call.running
	size := running.bytes()
	if size > keptStack {
		delete(i.exports, name)
		size = 0
	}
	if running != nil && !i.room.resize(&running.counted, beyond(size)) {
		delete(i.exports, name)
		i.room.resize(&running.counted, 0)
	}
}
