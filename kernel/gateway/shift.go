package gateway

import (
	"sync/atomic"
	"time"
)

// shift is the time in which one readLoop reads, request after request, until another one does. The other one begins when a
// request takes too long or yields, and reads beside it.
type shift struct {
	*conn
	handoff *time.Timer
	// long is 1 while a request runs that another one was begun beside for its length: it counts in conn.beside.
	long atomic.Int32
}

// States of long.
const (
	notLong int32 = iota
	isLong
	wasLong // it has ended, or only waits for others
)

// begin is called before a request is handled.
func (s *shift) begin() {
	s.long.Store(notLong)
	after := s.limits.handoff(int(s.beside.Load()), s.hub.crowded())
	if s.handoff == nil {
		s.handoff = time.AfterFunc(after, s.pass)
	} else {
		s.handoff.Reset(after)
	}
}

// pass is the timer's: another one reads from now on.
func (s *shift) pass() {
	s.beside.Add(1)
	if !s.long.CompareAndSwap(notLong, isLong) {
		s.beside.Add(-1)
	}
	s.readLoop()
}

// yield is called by a handler that waits for others from there on, any number of times and also later.
func (s *shift) yield() {
	if s.handoff.Stop() { // else another one reads by now, or this one again
		go s.readLoop()
	}
	s.rest()
}

// finish is called after a request was handled. It reports whether this one reads on.
func (s *shift) finish() bool {
	if s.handoff.Stop() {
		return true
	}
	s.rest()
	return false
}

// rest counts a long request no more.
func (s *shift) rest() {
	if s.long.Swap(wasLong) == isLong {
		s.beside.Add(-1)
	}
}
