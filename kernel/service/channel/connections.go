package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of an account's connections.
const (
	maxConns     = wit.ChannelAnswerOpenMax
	maxFrames    = wit.ChannelAnswerFramesMax // that wait to be sent on one
	maxOverflows = maxConns
)

// connection is one that a plugin asked for, over all the times that it is opened.
type connection struct {
	id      string
	gen     uint64
	request wit.OpenConnection
	cancel  context.CancelFunc

	frames chan wit.Frame // that wait to be sent; nil while it is broken
	fail   func(error)    // ends this opening; nil before the first
	outlet *outlet        // of this opening; nil while it is not open
	// securing says that it goes on encrypted once the event at hand is handled: opened comes again.
	securing bool
}

// connections are those of an account's present start. The loop owns them; a goroutine works on each (see
// caller) and tells the loop what happens to it.
type connections struct {
	open      map[string]*connection
	outlets   map[string]*outlet // of those that are open; never changed, a new one takes its place
	breaks    reconnects
	overflows int // that have not been told to the plugin yet
}

// add makes room for a connection and returns it with the time that its id has to wait for. It is nil when
// there are too many. One with the same id is closed first.
func (cs *connections) add(ctx context.Context, o wit.OpenConnection, gen uint64) (*connection, context.Context, time.Time) {
	cs.close(o.Connection)
	if len(cs.open) >= maxConns {
		return nil, nil, time.Time{}
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &connection{id: o.Connection, gen: gen, request: o, cancel: cancel, frames: make(chan wit.Frame, maxFrames)}
	if cs.open == nil {
		cs.open, cs.breaks = map[string]*connection{}, reconnects{}
	}
	cs.open[c.id] = c
	return c, ctx, cs.breaks[c.id].until
}

// overflow counts a connection that was one too many, and reports whether the plugin is to be told.
func (cs *connections) overflow() bool {
	if cs.overflows >= maxOverflows {
		return false
	}
	cs.overflows++
	return true
}

// close ends a connection; the plugin hears no more of it than what has come already.
func (cs *connections) close(id string) {
	if c, ok := cs.open[id]; ok {
		delete(cs.open, id)
		c.cancel()
		cs.look()
	}
}

// opened makes frames go to this opening, which fail ends and which lasts until broken is closed, and returns where
// they come from. It is nil when the connection is no longer wanted.
func (cs *connections) opened(c *connection, fail func(error), broken <-chan struct{}) *outlet {
	if cs.open[c.id] != c {
		return nil
	}
	if c.frames == nil {
		c.frames = make(chan wit.Frame, maxFrames)
	}
	c.securing = false
	c.fail, c.outlet = fail, &outlet{
		frames: c.frames, taken: make(chan struct{}, 1), parcels: make(chan parcel), broken: broken, ended: make(chan struct{}),
	}
	cs.look()
	return c.outlet
}

// look lists anew where sends may put frames.
func (cs *connections) look() {
	cs.outlets = make(map[string]*outlet, len(cs.open))
	for id, c := range cs.open {
		if c.outlet != nil {
			cs.outlets[id] = c.outlet
		}
	}
}

// broke notes the end of an opening and returns how long its id has to wait. wanted is false when the
// connection has been closed or replaced meanwhile.
func (cs *connections) broke(c *connection, err error, lived time.Duration) (delay time.Duration, wanted bool) {
	if cs.open[c.id] != c {
		return 0, false
	}
	c.frames, c.fail, c.outlet, c.securing = nil, nil, nil, false
	delay = cs.breaks.broke(c.id, err, lived, time.Now())
	if c.request.Once {
		delete(cs.open, c.id)
	}
	cs.look()
	return delay, true
}

// secure has an open connection go on encrypted behind in, which has to be a message that came on it: while that is
// handled, nobody reads. What waits to be written goes out before, and what comes after waits. A connection that
// cannot be secured now is given up, since its plugin believes that it is: then false.
func (cs *connections) secure(id string, in *input) bool {
	c, ok := cs.open[id]
	switch {
	case !ok:
		return false
	case c.outlet == nil || c != in.from || in.event.Kind != wit.EventKindMessage:
		if c.fail != nil {
			c.fail(wit.NewError(wit.CodeUnavailable, "it can only be secured in the answer to a message that came on it"))
		}
		c.frames = nil
		return false
	}
	close(c.frames) // its writer ends behind what is in it
	c.frames, c.outlet, c.securing = make(chan wit.Frame, maxFrames), nil, true
	cs.look()
	return true
}

// send puts a frame on its connection; false says that it is closed. One that has not taken many frames is
// given up.
func (cs *connections) send(f wit.Frame) bool {
	c, ok := cs.open[f.Connection]
	if !ok || c.frames == nil {
		return false
	}
	select {
	case c.frames <- f:
	default:
		if c.fail != nil {
			c.fail(wit.Errorf(wit.CodeUnavailable, "the other side takes no frames: %d wait", maxFrames))
		}
	}
	return true
}

// attached reports whether a connection is open.
func (cs *connections) attached() bool {
	for _, c := range cs.open {
		if c.frames != nil && c.fail != nil {
			return true
		}
	}
	return false
}

func (cs *connections) empty() bool { return len(cs.open) == 0 }

// clear forgets all of them and their back-off; they end with their start.
func (cs *connections) clear() {
	for _, c := range cs.open {
		c.cancel()
	}
	*cs = connections{}
}
