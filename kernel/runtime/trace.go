package runtime

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Trace is what one call did, for who looks at it: how much, and never what was said. It is filled in by Pool.Trace, and may
// be read when that has returned.
type Trace struct {
	// Host is the time in host functions, Guest that in the guest's own code, both by the clock.
	Guest, Host time.Duration
	// Ticks are 65,536 metered steps each.
	Ticks int64
	// Memory is the linear memory of the instance, in bytes. It never shrinks.
	Memory int64
	// Calls are those of host functions in their order, the first maxTraced of them; More is how many there were beside.
	Calls []HostCall
	More  int
}

// HostCall is one call of a host function.
type HostCall struct {
	Name string
	Took time.Duration
	Code wit.Code // of its error; empty where it had none
}

// maxTraced is how many host calls of a call are told apart.
const maxTraced = 64

// host notes a call of a host function, whose error is in err when it has ended. One that stops the guest is noted too.
func (t *Trace) host(name string, c clock, err *error) (ended func()) {
	start := c.now()
	return func() {
		h := HostCall{Name: name, Took: time.Duration(c.now() - start)}
		t.Host += h.Took
		if len(t.Calls) == maxTraced {
			t.More++
			return
		}
		if *err != nil {
			h.Code = wit.CodeOf(*err)
		}
		t.Calls = append(t.Calls, h)
	}
}

// used adds what a call cost that took so long.
func (t *Trace) used(took int64, u usage, i *instance) {
	t.Guest, t.Ticks = time.Duration(took)-t.Host, u.ticks
	if i.memory != nil {
		t.Memory = int64(i.memory.Size())
	}
}
