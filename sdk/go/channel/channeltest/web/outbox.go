package web

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// Outbox has what a platform is to tell a program by calling its webhook, in order, again until it was taken. What is late comes behind
// what was said after it, as where a platform goes on while a call that failed waits to be made again. A server embeds it. It may be
// used by several goroutines.
type Outbox[E any] struct {
	host  *Host
	pause time.Duration
	most  int

	mu      sync.Mutex
	take    func(events []E) bool
	waiting []*letter[E]
	running bool
	repeat  int
	late    []time.Duration
	delayed int // events that are late and not among those that wait yet
	letters []*letter[E]
}

// letter is an event, what is in it, when a call with it was made first, and when one was taken.
type letter[E any] struct {
	event     E
	text      []byte
	at, taken time.Time
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
	l := &letter[E]{event: event}
	if text, plain := any(event).([]byte); plain {
		l.text = text
	} else {
		l.text, _ = json.Marshal(event) // of maps, lists, texts and numbers
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	if len(o.late) == 0 || o.host.Life.Err() != nil {
		o.add(l)
		return
	}
	by := o.late[0]
	o.late = o.late[1:]
	o.delayed++
	o.host.Go(func() {
		o.host.Pause(by)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.delayed--
		o.add(l)
	})
}

// add puts an event behind those that wait. The lock is held.
func (o *Outbox[E]) add(l *letter[E]) {
	o.waiting = append(o.waiting, l)
	o.deliver()
}

// Delay has the next event that is told be late.
func (o *Outbox[E]) Delay(by time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.late = append(o.late, by)
}

// Told is part of channeltest.Teller.
func (o *Outbox[E]) Told() (told []channeltest.Told) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.letters {
		told = append(told, channeltest.Told{Text: string(l.text), At: l.at, Taken: l.taken})
	}
	return told
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
	return len(o.waiting) + o.delayed
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
func (o *Outbox[E]) next() (events []E, take func([]E) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.waiting), o.most)
	if o.host.Life.Err() != nil {
		n = 0
	}
	o.running = n > 0
	for _, l := range o.waiting[:n] {
		if l.at.IsZero() {
			l.at = time.Now()
		}
		events = append(events, l.event)
	}
	return events, o.take
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
	for _, l := range o.waiting[:n] {
		l.taken = time.Now()
	}
	o.waiting = slices.Clone(o.waiting[n:])
	o.mu.Unlock()
	o.host.Raise()
}
