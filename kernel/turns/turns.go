// Package turns shares out a number of places between askers, so that who asks for much holds up nobody.
//
// A free place goes to the asker who holds the fewest of those who wait, and of several to who has not had one for
// longest. So an asker waits for one turn of each other one at most, however much these have asked for, and for none
// where a bound for each leaves a place free.
package turns

import (
	"context"
	"slices"
	"sync"
)

// Turns hands the places out. It is safe for concurrent use; what was done before Give is seen after the next Take,
// and by whoever is told of the next place.
type Turns struct {
	most int // places of one asker

	mu     sync.Mutex
	free   int
	askers []*asker // who had a turn last comes last
	spare  *asker   // one that is not there now
}

// asker is somebody who holds a place or waits for one.
type asker struct {
	name    string
	held    int
	waiting []*waiter // the first first
}

// waiter is one place that is waited for.
type waiter struct {
	granted func() (taken bool) // called once, without the lock, when it has its place
}

// New returns so many places, of which one asker has most at the same time.
func New(places, most int) *Turns { return &Turns{free: places, most: most} }

// Take waits for a place, which has to be given back under the same name. It returns false when ctx ends first.
func (t *Turns) Take(ctx context.Context, name string) bool {
	if t.Try(name) {
		return true
	}
	turn := make(chan struct{})
	w := &waiter{func() bool { close(turn); return true }}
	if t.ask(name, w) {
		return true
	}
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	if !t.leave(name, w) { // it was granted meanwhile
		t.Give(name)
	}
	return false
}

// Await is Take for who waits without a goroutine. It returns true where a place was free, and is taken. Else granted is called
// later, once, when there is one for name: it returns true if that is taken, and has to be given back, and false if it is to
// go to whoever is next. It is called by who gives a place back, without a lock of Turns, and must not block.
func (t *Turns) Await(name string, granted func() (taken bool)) bool {
	return t.ask(name, &waiter{granted})
}

// Try is Take that does not wait: it returns false where no place is free for who asks.
func (t *Turns) Try(name string) bool { return t.ask(name, nil) }

// ask takes a place if one is free for who asks. Else w waits for one, if it is not nil.
func (t *Turns) ask(name string, w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.asker(name)
	if t.free > 0 && a.held < t.most { // whoever waits has as many as he may
		t.grant(a)
		return true
	}
	if w != nil {
		a.waiting = append(a.waiting, w)
	}
	t.forget(a)
	return false
}

// leave ends that somebody waits, and reports whether he did still.
func (t *Turns) leave(name string, w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.asker(name)
	i := slices.Index(a.waiting, w)
	if i >= 0 {
		a.waiting = slices.Delete(a.waiting, i, i+1)
	}
	t.forget(a)
	return i >= 0
}

// Give takes a place back.
func (t *Turns) Give(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeBack(t.asker(name))
	for t.free > 0 {
		a := t.next()
		if a == nil {
			return
		}
		w := a.waiting[0]
		a.waiting[0], a.waiting = nil, a.waiting[1:]
		t.grant(a)
		t.mu.Unlock()
		taken := w.granted()
		t.mu.Lock()
		if !taken {
			t.takeBack(a)
		}
	}
}

// next is who is to have the next place, or nil. The caller holds mu, as of all that follow.
func (t *Turns) next() (next *asker) {
	for _, a := range t.askers {
		if len(a.waiting) > 0 && a.held < t.most && (next == nil || a.held < next.held) {
			next = a
		}
	}
	return next
}

// grant gives an asker a place, and puts it last.
func (t *Turns) grant(a *asker) {
	a.held++
	t.free--
	t.remove(a)
	t.askers = append(t.askers, a)
}

// takeBack takes a place from an asker.
func (t *Turns) takeBack(a *asker) {
	a.held--
	t.free++
	t.forget(a)
}

// asker returns the one of this name. Who is new comes behind all that wait, and before those who are having a turn.
func (t *Turns) asker(name string) *asker {
	for _, a := range t.askers {
		if a.name == name {
			return a
		}
	}
	a := t.spare
	if t.spare = nil; a == nil {
		a = new(asker)
	}
	a.name = name
	at := len(t.askers)
	for at > 0 && t.askers[at-1].held > 0 {
		at--
	}
	t.askers = slices.Insert(t.askers, at, a)
	return a
}

// forget drops an asker who neither holds a place nor waits for one.
func (t *Turns) forget(a *asker) {
	if a.held == 0 && len(a.waiting) == 0 {
		t.remove(a)
		a.waiting = nil // what many needed is not kept
		t.spare = a
	}
}

func (t *Turns) remove(a *asker) {
	i := slices.Index(t.askers, a)
	t.askers = slices.Delete(t.askers, i, i+1)
}
