package web

import (
	"sync"
	"time"
)

// Outbox has what a platform is to tell a program by calling its webhook, in order, again until it was taken. A server embeds it. It
// may be used by several goroutines.
type Outbox[E any] struct {
	host  *Host
	pause time.Duration
	most  int

	mu      sync.Mutex
	take    func(events []E) bool
	waiting []E
	running bool
	repeat  int
}

// NewOutbox returns one that lasts as long as a host. pause is the first one before a call is made again; it doubles, up to 50 times
// that. most bounds how many events one call has.
func NewOutbox[E any](host *Host, pause time.Duration, most int) *Outbox[E] {
	return &Outbox[E]{host: host, pause: pause, most: most}
}

// To says how a call is made: take is called without a lock, and reports whether the events were taken. A program that was started
// again may have another address.
func (o *Outbox[E]) To(take func(events []E) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.take = take
	o.deliver()
}

// Tell adds an event.
func (o *Outbox[E]) Tell(event E) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, event)
	o.deliver()
}

// Repeat has the next n calls that are taken come twice.
func (o *Outbox[E]) Repeat(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.repeat += n
}

// Pending is how many events have not been taken yet.
func (o *Outbox[E]) Pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

// Known reports whether there is somebody to call.
func (o *Outbox[E]) Known() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.take != nil
}

// deliver sees to it that what waits is delivered. The lock is held.
func (o *Outbox[E]) deliver() {
	if !o.running && o.take != nil && len(o.waiting) > 0 && o.host.Life.Err() == nil {
		o.running = true
		o.host.Go(o.calling)
	}
}

// calling makes calls until nothing waits.
func (o *Outbox[E]) calling() {
	pause := o.pause
	for {
		events, take := o.next()
		if len(events) == 0 {
			return
		}
		if !take(events) {
			o.host.Pause(pause)
			pause = min(2*pause, 50*o.pause)
			continue
		}
		if o.twice() {
			take(events)
		}
		pause = o.pause
		o.taken(len(events))
	}
}

// next is what the next call has, nothing when there is none or the host is closed.
func (o *Outbox[E]) next() ([]E, func([]E) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.waiting), o.most)
	if o.host.Life.Err() != nil {
		n = 0
	}
	o.running = n > 0
	return o.waiting[:n:n], o.take
}

func (o *Outbox[E]) twice() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.repeat--
	if o.repeat < 0 {
		o.repeat = 0
		return false
	}
	return true
}

func (o *Outbox[E]) taken(n int) {
	o.mu.Lock()
	o.waiting = o.waiting[n:]
	o.mu.Unlock()
	o.host.Raise()
}
