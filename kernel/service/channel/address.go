package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// address is how others speak to an account's loop.
type address struct {
	orders chan envelope
	events chan *input
	gone   chan struct{} // closed when the loop has ended
}

// order is what a loop is asked to do. It is carried out at once, also while an event is handled.
type order interface {
	// carryOut runs in the loop and must not wait for anything.
	carryOut(l *loop) error
}

// envelope is an order on its way.
type envelope struct {
	order order
	done  chan error
}

func newAddress() address {
	return address{orders: make(chan envelope), events: make(chan *input), gone: make(chan struct{})}
}

// ask has an order carried out and returns what comes of it. What the order wrote may be read afterwards.
// Errors: the order's, CodeUnavailable when the loop has ended, ctx's.
func (a address) ask(ctx context.Context, o order) error {
	e := envelope{o, make(chan error, 1)}
	select {
	case a.orders <- e:
		return <-e.done // a loop answers what it has taken
	case <-a.gone:
		return wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post puts an event in the mailbox when there is room; false says that ctx has ended first.
func (a address) post(ctx context.Context, in *input) bool {
	select {
	case a.events <- in:
		return true
	case <-ctx.Done():
		return false
	case <-a.gone:
		return false
	}
}
