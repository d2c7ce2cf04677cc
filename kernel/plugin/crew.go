package plugin

import (
	"context"
	"time"
)

// crew does what takes long beside the tasks of a mailbox. It belongs to whoever runs those tasks.
type crew struct {
	mailbox *mailbox
	pending int             // how many things are being done
	life    context.Context // ends when the gateway stops
	end     context.CancelFunc
}

func newCrew(ctx context.Context, m *mailbox) *crew {
	c := &crew{mailbox: m}
	c.life, c.end = context.WithCancel(context.WithoutCancel(ctx))
	return c
}

// background runs f beside the tasks, and what it returns as one of them.
// f must not touch what the tasks own; what it returns may. pending lets the registry wait for all of them when it
// ends.
func (c *crew) background(f func() (task func())) {
	c.pending++
	go func() {
		task := f()
		c.mailbox.post(func() {
			c.pending--
			task()
		})
	}()
}

// draining bounds the wait for calls of an old version, further once the gateway stops.
// drainTimeout holds from the beginning, and stopTimeout from when the gateway stops, whichever is over first.
func (c *crew) draining() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	unhook := context.AfterFunc(c.life, func() { time.AfterFunc(stopTimeout, cancel) })
	return ctx, func() {
		unhook()
		cancel()
	}
}
