package runtime

import "sync/atomic"

// habit is whether a plugin's calls compute for long, as far as they did lately. Those have goroutines of their own: the
// priority of a thread can be lowered by anybody and raised by the system's administrator alone, so the thread ends with
// the call, which it does with a goroutine that is locked to it. Short calls, which would pay a third of their time for
// that, run where they are made. It is safe for concurrent use.
type habit struct{ left atomic.Int32 }

// habitCalls is how many short calls it takes to be taken for a plugin whose calls are short, after a long one.
const habitCalls = 64

// long says that the next call is likely to be a long one.
func (h *habit) long() bool { return h.left.Load() > 0 }

// add adds a call.
func (h *habit) add(long bool) {
	if long {
		h.left.Store(habitCalls)
	} else if h.long() {
		h.left.Add(-1)
	}
}

// aside runs f in a goroutine of its own and waits for it.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
