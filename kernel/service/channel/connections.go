package channel

import (
	"context"
	"errors"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// connection is one that a plugin asked for. Its frames wait for each other and for the handling of
// the one before, so a peer that sends faster than the plugin handles is slowed down.
type connection struct {
	id     string
	gen    uint64
	cancel context.CancelFunc
	frames chan wit.Frame
}

// unsupported is what a plugin hears where nothing can dial.
const unsupported = "this version of the gateway does not open connections yet: use requests or a webhook"

// open dials a connection; one with the same id is closed first. What comes of it are events.
func (a *actor) open(o wit.OpenConnection) {
	a.closeConn(o.Connection)
	a.mu.Lock()
	if a.Dialer == nil || len(a.conns) >= maxConns {
		reason, gen := unsupported, a.gen
		if a.Dialer != nil {
			reason = "the account has too many connections"
		}
		a.report.status = wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &reason}
		a.mu.Unlock()
		a.post(closedEvent(gen, o.Connection, wit.Closed{Reason: reason}))
		a.publish(a)
		return
	}
	ctx, cancel := context.WithCancel(a.ctx)
	c := &connection{id: o.Connection, gen: a.gen, cancel: cancel, frames: make(chan wit.Frame, maxFrames)}
	a.conns[o.Connection] = c
	a.mu.Unlock()
	a.spawn(func(context.Context) { a.serve(ctx, c, o) })
}

// serve lives as long as the connection.
func (a *actor) serve(ctx context.Context, c *connection, o wit.OpenConnection) {
	defer c.cancel()
	conn, err := a.Dialer.Dial(ctx, a.channel, a.account, o)
	if err != nil {
		a.lost(c, err)
		return
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		<-ctx.Done()
		_ = conn.Close() // ends a Read that waits; its error says nothing new
	})
	a.post(&input{gen: c.gen, event: wit.ChannelEvent{Kind: wit.EventKindOpened, Connection: &c.id}})
	writer.Go(func() { a.writeAll(ctx, c, conn) })
	err = a.readAll(ctx, c, conn)
	c.cancel()
	writer.Wait()
	a.lost(c, err)
}

func (a *actor) writeAll(ctx context.Context, c *connection, conn Conn) {
	for {
		select {
		case f := <-c.frames:
			if err := conn.Write(ctx, f); err != nil {
				c.cancel()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (a *actor) readAll(ctx context.Context, c *connection, conn Conn) error {
	for {
		f, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		f.Connection = c.id
		in := &input{gen: c.gen, done: make(chan outcome, 1),
			event: wit.ChannelEvent{Kind: wit.EventKindMessage, Connection: &c.id, Message: &f}}
		a.post(in)
		select {
		case <-in.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lost reports the end of a connection, unless the plugin or a new start has ended it.
func (a *actor) lost(c *connection, err error) {
	a.mu.Lock()
	ours := a.conns[c.id] == c
	if ours {
		delete(a.conns, c.id)
	}
	a.mu.Unlock()
	if !ours {
		return
	}
	closed := wit.Closed{Reason: a.Redact(clip(err.Error(), 500))}
	if peer := (*ClosedError)(nil); errors.As(err, &peer) {
		closed = peer.Closed
	}
	a.post(closedEvent(c.gen, c.id, closed))
}

func closedEvent(gen uint64, id string, c wit.Closed) *input {
	return &input{gen: gen, event: wit.ChannelEvent{Kind: wit.EventKindClosed, Connection: &id, Closed: &c}}
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

// send puts a frame on its connection. A connection that takes none for so long is given up.
func (a *actor) send(f wit.Frame) {
	a.mu.Lock()
	c, ok := a.conns[f.Connection]
	a.mu.Unlock()
	if !ok {
		a.Log.Warn("a frame was dropped: its connection is closed", "account", a.ref, "connection", clip(f.Connection, 80))
		return
	}
	select {
	case c.frames <- f:
	default:
		c.cancel()
	}
}
