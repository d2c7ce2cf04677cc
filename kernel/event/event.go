// Package event carries news upwards: services publish, the gateway and other services subscribe.
//
// A Kind is a typed row: the event's name on the wire, the scope that a client needs to see it, and
// the type of its payload. A service lists its kinds beside its methods.
//
// Publish hands the event to every subscriber, one after the other, before it returns, and two events
// published in an order by one goroutine arrive in that order everywhere. A subscriber must therefore
// return at once and must not publish; what is slow keeps a buffer of its own and decides what is lost when it
// is full, so that nobody waits for a slow reader. Everything is safe for concurrent use.
package event

import (
	"reflect"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Event is one piece of news.
type Event struct {
	Name  string
	Scope wire.Scope
	// Payload becomes JSON on the wire. Nobody changes it after Publish.
	Payload any
	// To restricts the event to these connections; nil is every entitled one.
	To []string
	// DropIfSlow lets a connection that lags miss this event rather than be closed.
	DropIfSlow bool
}

// Versioned is a payload that the clients of each protocol are told in words of their own.
type Versioned interface {
	// Version returns what clients of a protocol get. Those of 4 and later get the same.
	Version(protocol int) any
}

// Row describes a kind, for lists.
type Row struct {
	Name       string
	Scope      wire.Scope
	DropIfSlow bool
	// Payload is the type of the payload, nil where another row of the same name has it.
	Payload reflect.Type
}

// Kind declares an event.
type Kind[T any] struct {
	Name       string
	Scope      wire.Scope
	DropIfSlow bool
}

// Row returns the kind's row for hello-ok and for documentation.
func (k Kind[T]) Row() Row { return Row{k.Name, k.Scope, k.DropIfSlow, reflect.TypeFor[T]()} }

// Event returns an event of this kind. With to, only these connections see it.
func (k Kind[T]) Event(payload T, to ...string) Event {
	return Event{Name: k.Name, Scope: k.Scope, Payload: payload, To: to, DropIfSlow: k.DropIfSlow}
}

// Publish sends the Event of payload and to to every subscriber of b.
func (k Kind[T]) Publish(b *Bus, payload T, to ...string) { b.publish(k.Event(payload, to...)) }

// Subscribe calls fn with each payload of this kind until cancel is called. See the package comment
// for what fn must not do.
func (k Kind[T]) Subscribe(b *Bus, fn func(T)) (cancel func()) {
	return b.Subscribe(func(e Event) {
		if p, ok := e.Payload.(T); ok && e.Name == k.Name {
			fn(p)
		}
	})
}

// Bus connects publishers and subscribers of one kernel. The zero value is ready.
type Bus struct {
	mu   sync.Mutex
	next int
	subs []subscriber
}

type subscriber struct {
	id int
	fn func(Event)
}

// Subscribe calls fn with every event until cancel is called. After cancel returns fn is not called
// again. Cancel must not be called from fn.
func (b *Bus) Subscribe(fn func(Event)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	id := b.next
	b.subs = append(b.subs, subscriber{id, fn})
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.subs = slices.DeleteFunc(slices.Clone(b.subs), func(s subscriber) bool { return s.id == id })
	}
}

func (b *Bus) publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.subs {
		s.fn(e)
	}
}
