package runtime

import (
	goruntime "runtime"
	"time"
)

// turns keeps calls that compute for long from taking all processors, since what people wait for, and the network, would
// get none but between two of their intervals: one processor is left for that. A call that is short never asks.
//
// Whoever computes for long holds one of the places, gives it up after a while, and takes it again when all who waited
// have had theirs. So a wait is bounded by how many compute for long, and by nothing that a guest does: while the host
// works for a call, it holds no place.
//
// Where the threads of such calls can have a lower priority, Go gets one place to run more than there are processors, so that
// all others have as many as without them. It gets it with the first such call: it costs others a little.
type turns struct {
	places     chan struct{}
	processors int
	rest       time.Duration // after a turn, where there is but one processor
}

// A call is long after so many looks, each after 50 µs and an interval of the meter, and a turn has as many.
const turnTicks = 64

func newTurns() *turns {
	processors := min(goruntime.NumCPU(), goruntime.GOMAXPROCS(0))
	t := &turns{places: make(chan struct{}, max(1, processors-1)), processors: processors}
	if processors == 1 {
		t.rest = 100 * time.Microsecond
	}
	return t
}

// turn is a call's part in it.
type turn struct {
	turns   *turns
	ticks   int  // since the call or the turn began, or the host worked for it
	holding bool // a place
	long    bool // it has held one
	aside   bool // the call has its goroutine, and so its thread, to itself
}

// tick counts an interval. It waits where the call's turn is over, or may not begin yet, and no longer than until the
// call is given up, which the caller looks at next.
func (t *turn) tick(givenUp, killed <-chan struct{}) {
	if t.ticks++; t.ticks < turnTicks {
		return
	}
	t.ticks = 0
	if t.holding {
		t.giveUp()
		if t.turns.rest > 0 {
			time.Sleep(t.turns.rest)
		}
	}
	select {
	case t.turns.places <- struct{}{}:
		t.holding = true
		t.lower()
	case <-givenUp:
	case <-killed:
	}
}

// giveUp ends a turn, if it is one.
func (t *turn) giveUp() {
	t.ticks = 0
	if t.holding {
		t.holding = false
		<-t.turns.places
	}
}

// lower makes the call's thread give way to all others from now on, with the first turn.
func (t *turn) lower() {
	if t.aside && !t.long && lowerThread() && goruntime.GOMAXPROCS(0) <= t.turns.processors {
		goruntime.GOMAXPROCS(t.turns.processors + 1)
	}
	t.long = true
}
