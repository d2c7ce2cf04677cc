package delivery

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/turns"
)

// slotsPerChannel bounds how many messages of one channel are looked at, and so sent, at a time. One that is sent and waits
// for its confirmation is aside, and not among them.
const slotsPerChannel = 8

// look does the next thing for the message with a key, in a conversation that may get its next send at
// notBefore. It may block until ctx ends.
type look func(ctx context.Context, key string, notBefore time.Time) step

// lanes works all conversations off: a goroutine for each lane that is looked at, none for one that waits, also for a slot.
// Nobody else sees its lock, and it calls nobody while it holds it. A lane without messages is forgotten once its
// spacing is over.
type lanes struct {
	look look

	mu     sync.Mutex
	ctx    context.Context // nil until start
	lanes  map[string]*lane
	timers map[string]*time.Timer  // of the lanes that wait
	slots  map[string]*turns.Turns // by channel
	wg     sync.WaitGroup
}

func newLanes(l look) *lanes {
	return &lanes{look: l, lanes: map[string]*lane{}, timers: map[string]*time.Timer{}, slots: map[string]*turns.Turns{}}
}

// start lets the lanes work until ctx ends. What was pushed before waits for the next push to its lane.
func (ls *lanes) start(ctx context.Context) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.ctx = ctx
}

// stop waits for the looks under way, after the context of start has ended.
func (ls *lanes) stop() {
	ls.mu.Lock()
	for _, t := range ls.timers {
		t.Stop()
	}
	ls.mu.Unlock()
	ls.wg.Wait()
}

// push appends a message to the lane with a key. The same message twice does no harm: the second look finds
// that it is over.
func (ls *lanes) push(key, channel, item string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.lanes[key]
	if !ok {
		l = &lane{key: key, channel: channel}
		ls.lanes[key] = l
	}
	l.push(item)
	ls.wake(l)
}

// rename lets the lanes of a conversation, one for each thread, go on under other names. Where there is one of the new
// name already, what waits there comes behind, unless it is being sent: then each keeps its own order.
func (ls *lanes) rename(from, to string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for key, l := range ls.lanes {
		thread, ok := strings.CutPrefix(key, from)
		if !ok {
			continue
		}
		other := ls.lanes[to+thread]
		if other != nil && other.state == laneBusy {
			continue
		}
		if other != nil {
			l.items = append(l.items, other.items...)
			other.items = nil // its timer may ring already
			ls.stopTimer(other.key)
		}
		if t, ok := ls.timers[key]; ok {
			delete(ls.timers, key)
			ls.timers[to+thread] = t
		}
		delete(ls.lanes, key)
		l.key = to + thread
		ls.lanes[l.key] = l
		ls.wake(l)
	}
}

// stopTimer forgets a lane's timer. mu is held.
func (ls *lanes) stopTimer(key string) {
	if t, ok := ls.timers[key]; ok {
		t.Stop()
		delete(ls.timers, key)
	}
}

// unpark lets every lane look at its account again, and forgets those that are over.
func (ls *lanes) unpark() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.lanes {
		l.unpark()
		if l.state != laneWaiting {
			ls.stopTimer(l.key)
		}
		ls.wake(l)
		ls.forget(l)
	}
}

// parked says why a lane waits for its account, empty where it does not.
func (ls *lanes) parked(key string) string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.lanes[key]; l != nil {
		return l.reason
	}
	return ""
}

// waits reports whether a lane has messages.
func (ls *lanes) waits(key string) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.lanes[key]
	return l != nil && len(l.items) > 0
}

// wake has a lane looked at when there is something to do. mu is held.
func (ls *lanes) wake(l *lane) {
	if ls.ctx == nil || ls.ctx.Err() != nil || !l.begin() {
		return
	}
	ctx, slots := ls.ctx, ls.slotsOf(l.channel)
	if ls.slot(ctx, l, slots) {
		ls.wg.Go(func() { ls.work(ctx, l, slots) })
	}
}

// slot reports whether a lane has a slot at once. Else it gets a goroutine when it has one, unless ctx ends first.
func (ls *lanes) slot(ctx context.Context, l *lane, slots *turns.Turns) bool {
	return slots.Await(inTurn, func() bool {
		if ctx.Err() != nil {
			return false
		}
		ls.wg.Go(func() { ls.work(ctx, l, slots) }) // who gives the slot is one of them
		return true
	})
}

// inTurn is who has the slots of a channel: its lanes get them in the order of asking.
const inTurn = ""

// slotsOf are a channel's. mu is held.
func (ls *lanes) slotsOf(channel string) *turns.Turns {
	slots, ok := ls.slots[channel]
	if !ok {
		slots = turns.New(slotsPerChannel, slotsPerChannel)
		ls.slots[channel] = slots
	}
	return slots
}

// aside gives back the slot of a look that waits, and takes one again with back, which waits for it.
func (ls *lanes) aside(channel string) (back func()) {
	ls.mu.Lock()
	slots := ls.slotsOf(channel)
	ls.mu.Unlock()
	slots.Give(inTurn)
	return func() { slots.Take(context.Background(), inTurn) }
}

// work looks at a lane's messages, with a slot for each look, until there is nothing to do or no slot now, or ctx ends:
// what the lane knows ends with the process; the queue has it all.
func (ls *lanes) work(ctx context.Context, l *lane, slots *turns.Turns) {
	for again := true; again; {
		ls.mu.Lock()
		item, notBefore := l.next()
		ls.mu.Unlock()
		s := ls.look(ctx, item, notBefore)
		slots.Give(inTurn)
		again = ls.apply(l, s) && ctx.Err() == nil && ls.slot(ctx, l, slots)
	}
}

// apply does what a step says, and reports whether the lane is to be looked at again at once.
func (ls *lanes) apply(l *lane, s step) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.apply(s)
	if l.state == laneWaiting {
		ls.timers[l.key] = time.AfterFunc(s.wait, func() { ls.ring(l) })
	}
	ls.forget(l)
	return l.state == laneBusy
}

// ring wakes a lane whose time has come.
func (ls *lanes) ring(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.timers, l.key)
	l.ring()
	ls.wake(l)
}

// forget removes a lane that is over. mu is held.
func (ls *lanes) forget(l *lane) {
	if l.over(time.Now()) {
		delete(ls.lanes, l.key)
	}
}
