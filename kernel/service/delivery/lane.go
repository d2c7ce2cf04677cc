package delivery

import "time"

// lane is one conversation's messages in order: which is next, and whether it may be looked at now. It only
// computes: it has no clock, lock or goroutine, those are with lanes. Its messages are keys of the queue.
//
//	idle ──begin──▶ busy ──apply──▶ busy, idle, waiting or parked
//	waiting ──ring──▶ idle     waiting, parked ──unpark──▶ idle
type lane struct {
	key, channel string
	items        []string
	state        laneState
	// reason is why it is parked.
	reason string
	// changed says that accounts have changed since next: what was found then about its own is out of date.
	changed bool
	// watching ends a wait when accounts change.
	watching bool
	// notBefore is when the conversation may get its next send.
	notBefore time.Time
}

// laneState is what a lane waits for.
type laneState int

const (
	laneIdle    laneState = iota // for a message, or for begin when there is one
	laneBusy                     // for the step that its goroutine makes
	laneWaiting                  // for a time
	laneParked                   // until its account can send
)

// step says what follows from a look at a lane's first message. The zero step looks again at once.
type step struct {
	pop  bool          // it is over, or no longer this lane's
	wait time.Duration // look again then
	// watch has a wait end as soon as accounts change.
	watch bool
	park  error // the account cannot send
	// notBefore is set by a step that has sent: when the conversation may get its next send.
	notBefore time.Time
}

// push appends a message.
func (l *lane) push(item string) { l.items = append(l.items, item) }

// begin makes an idle lane with messages busy; false where there is nothing to do now.
func (l *lane) begin() bool {
	if l.state != laneIdle || len(l.items) == 0 {
		return false
	}
	l.state = laneBusy
	return true
}

// next is the message to be looked at. What changes from here on makes the look out of date.
func (l *lane) next() (item string, notBefore time.Time) {
	l.changed = false
	return l.items[0], l.notBefore
}

// apply does what a step says to a busy lane. It stays busy when there is more to be done at once: also when
// the step would have it wait for an account that has changed meanwhile, since nobody would wake it for that again.
func (l *lane) apply(s step) {
	if !s.notBefore.IsZero() {
		l.notBefore = s.notBefore
	}
	if s.pop {
		l.items = l.items[1:]
	}
	switch {
	case s.park != nil && !l.changed:
		l.state, l.reason = laneParked, s.park.Error()
	case s.wait > 0 && !(s.watch && l.changed):
		l.state, l.watching = laneWaiting, s.watch
	case len(l.items) == 0:
		l.state = laneIdle
	}
}

// ring ends a wait.
func (l *lane) ring() {
	if l.state == laneWaiting {
		l.state = laneIdle
	}
}

// unpark lets the lane look at its account again.
func (l *lane) unpark() {
	l.changed = true
	if l.state == laneParked || l.state == laneWaiting && l.watching {
		l.state, l.reason = laneIdle, ""
	}
}

// over reports whether a new lane would do as well as this one, which has been woken: it is idle when it has nothing.
func (l *lane) over(now time.Time) bool {
	return l.state == laneIdle && !now.Before(l.notBefore)
}
