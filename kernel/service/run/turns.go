package run

import (
	"context"
	"slices"
	"sync"
)

// turns hands out the places in which sessions are served, so many at a time. A free place goes to who holds the fewest
// of those that wait, and of several to who has not had one for longest, so that nobody waits for all that another one
// has asked for. Nobody gets all places: some are left for whoever comes, since a run may take long.
type turns struct {
	most int // places of one asker

	mu     sync.Mutex
	free   int
	askers []*asker // who had a turn last comes last
}

// asker is somebody who holds a place or waits for one.
type asker struct {
	name    string
	held    int
	waiting []chan struct{} // each closed when it has its place, the first first
}

// newTurns returns places for so many at a time.
func newTurns(places int) *turns {
	return &turns{free: places, most: max(1, places-(places+3)/4)}
}

// take waits for a place, which give takes back. It returns false when ctx ends first.
func (t *turns) take(ctx context.Context, name string) bool {
	granted := make(chan struct{})
	t.mu.Lock()
	a := t.asker(name)
	a.waiting = append(a.waiting, granted)
	t.grant()
	t.mu.Unlock()
	select {
	case <-granted:
		return true
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(a.waiting, granted)
	if i >= 0 {
		a.waiting = slices.Delete(a.waiting, i, i+1)
		t.forget(a)
	}
	t.mu.Unlock()
	if i < 0 { // it was granted meanwhile
		t.give(name)
	}
	return false
}

// give takes a place back.
func (t *turns) give(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.asker(name)
	a.held--
	t.free++
	t.forget(a)
	t.grant()
}

// asker returns the one of this name. Who is new comes behind all that wait, and before those who are having a turn.
func (t *turns) asker(name string) *asker {
	for _, a := range t.askers {
		if a.name == name {
			return a
		}
	}
	a, at := &asker{name: name}, len(t.askers)
	for at > 0 && t.askers[at-1].held > 0 {
		at--
	}
	t.askers = slices.Insert(t.askers, at, a)
	return a
}

// forget drops an asker who neither holds a place nor waits for one.
func (t *turns) forget(a *asker) {
	if a.held == 0 && len(a.waiting) == 0 {
		t.askers = slices.DeleteFunc(t.askers, func(b *asker) bool { return a == b })
	}
}

// grant gives out the places that are free. The caller holds mu.
func (t *turns) grant() {
	for t.free > 0 {
		next := -1
		for i, a := range t.askers {
			if len(a.waiting) > 0 && a.held < t.most && (next < 0 || a.held < t.askers[next].held) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		a := t.askers[next]
		close(a.waiting[0])
		a.waiting = slices.Delete(a.waiting, 0, 1)
		a.held++
		t.free--
		t.askers = append(slices.Delete(t.askers, next, next+1), a)
	}
}
