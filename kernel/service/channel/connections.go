package channel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// connection is one that a plugin asked for, over all the times that it is opened. Its messages wait for
// the handling of the one before, so a peer that sends faster than the plugin handles is slowed down.
type connection struct {
	id      string
	gen     uint64
	request wit.OpenConnection
	cancel  context.CancelFunc
	lastID  string // of an event stream

	// The actor's mu guards these.
	frames chan wit.Frame  // that wait to be sent; nil while it is broken
	fail   func(err error) // ends this opening
}

// unsupported is what a plugin hears where nothing can dial.
const unsupported = "this gateway does not open connections: use requests or a webhook"

// open opens a connection, now or when its id has waited long enough; one with the same id is closed
// first. What comes of it are events.
func (a *actor) open(o wit.OpenConnection) {
	a.closeConn(o.Connection)
	a.mu.Lock()
	ctx, cancel := context.WithCancel(a.ctx)
	c := &connection{id: o.Connection, gen: a.gen, request: o, cancel: cancel, frames: make(chan wit.Frame, wit.ChannelAnswerFramesMax)}
	full := len(a.conns) >= maxConns
	if !full {
		a.conns[o.Connection] = c
	}
	a.mu.Unlock()
	a.spawn(func(context.Context) {
		defer cancel()
		if full {
			a.overflow(ctx, c)
			return
		}
		a.serve(ctx, c)
	})
}

// overflow refuses a connection, and not so fast that asking again keeps the account busy.
func (a *actor) overflow(ctx context.Context, c *connection) {
	if wait(ctx, reopenMin) {
		a.post(c.event(wit.EventKindClosed, func(e *wit.ChannelEvent) {
			e.Closed = &wit.Closed{Reason: "the account has too many connections"}
		}))
	}
}

// serve lives as long as the connection is wanted.
func (a *actor) serve(ctx context.Context, c *connection) {
	for again := true; again; {
		if !wait(ctx, a.patience(c)) {
			return
		}
		began := time.Now()
		dialed, err := a.converse(ctx, c)
		if ctx.Err() != nil {
			return // the plugin or a new start has ended it
		}
		again = a.broke(ctx, c, err, !dialed && refused(err), time.Since(began))
	}
}

// converse opens the connection and exchanges frames until it ends.
func (a *actor) converse(ctx context.Context, c *connection) (dialed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if a.Dialer == nil {
		return false, wit.NewError(wit.CodeForbidden, unsupported)
	}
	conn, err := a.Dialer.Dial(ctx, a.channel, a.account, c.resumed())
	if err != nil {
		return false, err
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		<-ctx.Done()
		_ = conn.Close() // ends a Read that waits; its error says nothing new
	})
	frames := a.opened(c, cancel)
	a.post(c.event(wit.EventKindOpened, nil))
	tasks.Go(func() {
		if err := writeAll(ctx, frames, conn); err != nil {
			cancel(err)
		}
	})
	err = a.readAll(ctx, c, conn)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	tasks.Wait()
	return true, err
}

// resumed is the request to open, again after the event that was handled last.
func (c *connection) resumed() wit.OpenConnection {
	o := c.request
	if c.lastID != "" && o.Transport == wit.TransportSSE {
		o.Headers = slices.DeleteFunc(slices.Clone(o.Headers), func(h wit.Header) bool { return strings.EqualFold(h.Name, "Last-Event-ID") })
		o.Headers = append(o.Headers, wit.Header{Name: "Last-Event-ID", Value: c.lastID})
	}
	return o
}

func writeAll(ctx context.Context, frames <-chan wit.Frame, conn Conn) error {
	for {
		select {
		case f := <-frames:
			if err := conn.Write(f); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *actor) readAll(ctx context.Context, c *connection, conn Conn) error {
	for {
		f, err := conn.Read()
		if err != nil {
			return err
		}
		f.Connection = c.id
		if !a.settle(ctx, c.event(wit.EventKindMessage, func(e *wit.ChannelEvent) { e.Message = &f })) {
			return ctx.Err()
		}
		if f.ID != nil {
			c.lastID = *f.ID
		}
	}
}

// settle posts an event and waits until it is handled, or false when ctx ends first.
func (a *actor) settle(ctx context.Context, in *input) bool {
	in.done = make(chan outcome, 1)
	a.post(in)
	select {
	case <-in.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// opened makes frames go to this opening.
func (a *actor) opened(c *connection, fail func(error)) <-chan wit.Frame {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.frames == nil {
		c.frames = make(chan wit.Frame, wit.ChannelAnswerFramesMax)
	}
	c.fail = fail
	if told := a.unrest[c.id].told; told != nil && a.report.status.Message == told {
		a.report.status.State, a.report.status.Message = wit.ConnectionStateConnected, nil
		defer a.spawn(func(context.Context) { a.publish(a) })
	}
	return c.frames
}

// broke reports the end of an opening and, when the plugin has heard of it, whether there is another one.
func (a *actor) broke(ctx context.Context, c *connection, err error, refused bool, lived time.Duration) (again bool) {
	closed := wit.Closed{Reason: err.Error()}
	if peer := (*ClosedError)(nil); errors.As(err, &peer) {
		closed = peer.Closed
	}
	closed.Reason = a.Redact(clip(closed.Reason, 500))
	again = !c.request.Once
	a.mu.Lock()
	if a.conns[c.id] != c {
		a.mu.Unlock()
		return false
	}
	c.frames, c.fail = nil, nil
	delay := a.unsettle(c.id, err, refused, lived)
	if again {
		closed.ReopensAfter = new(delay.Milliseconds())
	} else {
		delete(a.conns, c.id)
	}
	a.tell(c, closed.Reason, refused)
	a.mu.Unlock()
	a.Log.Info("a connection has ended", "account", a.ref, "connection", clip(c.id, 80), "code", closed.Code, "reason", closed.Reason, "again", again)
	a.publish(a)
	return a.settle(ctx, c.event(wit.EventKindClosed, func(e *wit.ChannelEvent) { e.Closed = &closed })) && again
}

// event is one of the connection's.
func (c *connection) event(kind wit.EventKind, fill func(*wit.ChannelEvent)) *input {
	in := &input{gen: c.gen, event: wit.ChannelEvent{Kind: kind, Connection: &c.id}}
	if fill != nil {
		fill(&in.event)
	}
	return in
}

func (a *actor) closeConn(id string) {
	a.mu.Lock()
	c, ok := a.conns[id]
	delete(a.conns, id)
	a.mu.Unlock()
	if ok {
		c.cancel()
	}
}

// send puts a frame on its connection. One that has not taken many frames is given up.
func (a *actor) send(f wit.Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.conns[f.Connection]
	if !ok || c.frames == nil {
		a.Log.Warn("a frame was dropped: its connection is closed", "account", a.ref, "connection", clip(f.Connection, 80))
		return
	}
	select {
	case c.frames <- f:
	default:
		if c.fail != nil {
			c.fail(wit.Errorf(wit.CodeUnavailable, "the other side takes no frames: %d wait", wit.ChannelAnswerFramesMax))
		}
	}
}
