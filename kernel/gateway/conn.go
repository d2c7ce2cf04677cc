package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// conn is a client that auth has let in. It reads requests, has them answered, and ends; what goes out is the writer's.
type conn struct {
	hub       *hub
	requests  *dispatcher
	limits    *Limits
	ws        *websocket.Conn // read by one goroutine at a time, see readLoop
	link      *link
	caller    *rpc.Caller
	ctx       context.Context // of the requests; ends with the connection
	cancel    context.CancelFunc
	out       writer
	slots     chan struct{} // one per request that runs
	beside    atomic.Int32  // requests that others are read beside, since they take long
	pace      pace          // the reader's
	answering chan struct{} // one that encodes its answer
	ending    sync.Once     // the reader has stopped: end
	closing   atomic.Bool   // somebody closes in form: shut
	left      []func()      // what the hub calls when the connection has ended

	// The sweeper's.
	nextTick, nextPing time.Time
}

// readLoop reads and runs requests one after the other. When one takes long, or yields, another readLoop is started
// beside it, and this one ends with its request: so fast requests need no goroutine of their
// own and keep their order, and slow ones hold up nobody. One goroutine reads at a time.
func (c *conn) readLoop() {
	s := &shift{conn: c}
	ctx := rpc.WithYield(c.ctx, s.yield)
	for {
		// Who does not read his answers is read no further: his socket fills, not our memory.
		c.room()
		if c.closing.Load() {
			<-c.ctx.Done() // whoever closes reads the client's part
			c.end(errClosing)
			return
		}
		// The slot comes after the read, so that a connection at rest holds none.
		req, held, bad, err := c.read()
		if err != nil {
			c.end(err)
			return
		}
		select {
		case c.slots <- struct{}{}:
		case <-c.ctx.Done():
			held.release()
			c.end(c.ctx.Err())
			return
		}
		wait, hopeless := c.pace.admit(rate.Limit{PerSecond: c.limits.Rate, Burst: c.limits.Burst})
		if hopeless {
			c.shutSoon(wire.ClosePolicy, "rate limit exceeded")
		}
		s.begin()
		c.handle(ctx, req, bad, wait)
		held.release()
		<-c.slots
		if !s.finish() {
			// Another one reads by now.
			return
		}
	}
}

// room waits until there is room for a further answer, or the connection ends.
func (c *conn) room() {
	for room := c.out.full(); room != nil; room = c.out.full() {
		select {
		case <-room:
		case <-c.ctx.Done():
			return
		}
	}
}

// errClosing is why a reader has stopped that was told to.
var errClosing = errors.New("the gateway closes the connection")

// read returns the client's next request, what it holds until it is answered, and why it is to be refused if it is. With err
// there is none and the connection is at its end; what the client is to be told about that, it is told here, since without a
// reader nobody can.
func (c *conn) read() (req wire.Request, held claim, bad, err error) {
	limit := c.limits.payload(c.caller.Protocol)
	m, err := readMessage(c.ws, c.link.transport, limit)
	if err == nil {
		req, bad, err = m.request(limit)
	}
	if err != nil {
		m.release()
	}
	if end := (*refusal)(nil); errors.As(err, &end) {
		c.shut(end.close, end.Error())
	}
	return req, m.claim, bad, err
}

// handle answers one request, or refuses it because it is bad or came too early by wait.
func (c *conn) handle(ctx context.Context, req wire.Request, err error, wait time.Duration) {
	switch {
	case err != nil:
	case wait > 0:
		err = tooFast(wait)
	case req.Method == "connect":
		err = wit.NewError(wit.CodeInvalid, "connect already completed")
	case c.call(ctx, req):
		return
	default:
		// What runs is waited for; what comes now would make that wait longer.
		err = errStopping()
	}
	c.reply(c.requests.failure(c.caller, req.ID, err))
}

// call has a request answered, or returns false when the gateway is stopping. Stopping waits for it until
// the answer is queued, and closes the connection then.
func (c *conn) call(ctx context.Context, req wire.Request) bool {
	if !c.requests.running.begin() {
		return false
	}
	defer c.requests.running.end()
	c.requests.answer(ctx, c.caller, req, c.out.maxBytes, c)
	return true
}

// reply sends an answer. It cannot be left out, however slow the client is.
func (c *conn) reply(f frame) { c.send(f, false) }

// replyWith sends an answer that is encoded when there is room for it, one after the other: what is not encoded yet takes less.
func (c *conn) replyWith(encode func() frame) {
	c.answering <- struct{}{}
	defer func() { <-c.answering }()
	c.room()
	c.reply(encode())
}

// backAgain is when a gateway that stops, or is full, is to be asked again.
const backAgain = 5 * time.Second

// errStopping refuses what begins when the gateway is about to end.
func errStopping() error {
	return wit.ErrorAfter(wit.CodeUnavailable, backAgain, "the gateway is stopping: connect again in a moment")
}

// send queues a frame, and closes a connection that is too slow for it. It never blocks.
func (c *conn) send(f frame, droppable bool) {
	if !c.out.send(f, droppable) {
		// Soon: closing waits for the client, and events are sent under the lock of all members.
		c.shutSoon(wire.ClosePolicy, "slow consumer")
	}
}

// ping asks for a sign of life; the reader notes it, so the answer is not looked at here.
func (c *conn) ping() {
	ctx, cancel := context.WithTimeout(c.ctx, c.limits.Ping)
	defer cancel()
	_ = c.ws.Ping(ctx)
}

// shut closes with a reason that the client is told, after what was queued before.
func (c *conn) shut(code websocket.StatusCode, reason string) {
	if !c.closing.Swap(true) {
		c.close(code, reason)
	}
}

// shutSoon is shut for those who cannot wait: no further request is read already when it returns.
func (c *conn) shutSoon(code websocket.StatusCode, reason string) {
	if !c.closing.Swap(true) {
		go c.close(code, reason)
	}
}

// close is the work of shut, for who has set closing.
func (c *conn) close(code websocket.StatusCode, reason string) {
	c.out.drain()
	closeSocket(c.ws, c.link, code, reason)
	c.cancel()
}

// closeTimeout is how long a client may take for its part in closing.
const closeTimeout = time.Second

// closeSocket closes a WebSocket in form, or after closeTimeout without.
func closeSocket(ws *websocket.Conn, l *link, code websocket.StatusCode, reason string) {
	abrupt := time.AfterFunc(closeTimeout, func() { _ = l.Close() })
	defer abrupt.Stop()
	_ = ws.Close(code, wire.Reason(reason))
}

// end removes the connection, once. err is why the reader stopped.
func (c *conn) end(err error) {
	c.ending.Do(func() {
		c.cancel()
		c.out.shut()
		c.hub.leave(c)
		c.hub.admission.exit(c.caller.RemoteIP)
		c.requests.log.Debug("connection ended", "conn", c.caller.ConnID, "client", c.caller.Client.ID, "reason", err)
		// Elsewhere, because it may wait and this is the reader, which has nothing left to do. Who closes in form is
		// not to be cut off.
		if !c.closing.Load() {
			go func() { _ = c.ws.CloseNow() }()
		}
	})
}
