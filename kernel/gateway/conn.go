package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// conn is a client that auth has let in.
type conn struct {
	shared  *shared
	ws      *websocket.Conn // read by one goroutine at a time, see readLoop; written by one, see outbox
	link    *link
	caller  *rpc.Caller
	ctx     context.Context // of the requests; ends with the connection
	cancel  context.CancelFunc
	out     outbox
	slots   chan struct{} // one per request that runs
	bucket  rate.Bucket   // the reader's
	refused int           // requests in a row that came too early; the reader's
	free    bool          // of the rate limit
	ending  sync.Once     // the reader has stopped: end
	closing atomic.Bool   // somebody closes in form: shut

	// The sweeper's.
	nextTick, nextPing time.Time
}

// readLoop reads and runs requests one after the other. When one takes long, a timer starts another
// readLoop beside it, and this one ends with its request: so fast requests need no goroutine of their
// own and keep their order, and slow ones hold up nobody. One goroutine reads at a time.
func (c *conn) readLoop() {
	for {
		// Who does not read his answers is read no further: his socket fills, not our memory.
		if room := c.out.full(); room != nil {
			select {
			case <-room:
				continue
			case <-c.ctx.Done():
			}
		}
		// The slot comes after the read, so that a connection at rest holds none.
		msg, err := c.read()
		if err != nil {
			c.end(err)
			return
		}
		select {
		case c.slots <- struct{}{}:
		case <-c.ctx.Done():
			c.end(c.ctx.Err())
			return
		}
		wait := c.admit()
		handoff := time.AfterFunc(c.shared.limits.Handoff, c.readLoop)
		c.handle(msg, wait)
		<-c.slots
		if !handoff.Stop() {
			// Another one reads by now.
			return
		}
	}
}

// read returns the next text message.
func (c *conn) read() ([]byte, error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	if kind != websocket.MessageText {
		go c.shut(wire.ClosePolicy, "binary messages not supported")
		return nil, errors.New("binary message")
	}
	return c.shared.buffers.readAll(r)
}

// admit returns how long a request comes too early, 0 for not at all.
func (c *conn) admit() time.Duration {
	if c.free {
		return 0
	}
	burst := c.shared.limits.Burst
	wait := c.bucket.Take(time.Now(), rate.Limit{PerSecond: c.shared.limits.Rate, Burst: burst})
	if wait == 0 {
		c.refused = 0
	} else if c.refused++; c.refused > burst {
		// It does not heed the delays that it is told; each refusal still costs an answer.
		go c.shut(wire.ClosePolicy, "rate limit exceeded")
	}
	return wait
}

// handle answers one frame.
func (c *conn) handle(msg []byte, wait time.Duration) {
	req, err := wire.DecodeRequest(msg)
	switch {
	case err != nil && req.ID == "":
		// There is no request to answer, and what follows in the stream could not be trusted either.
		go c.shut(wire.ClosePolicy, err.Error())
		return
	case err != nil:
	case wait > 0:
		err = tooFast(wait)
	case c.shared.stopping.Load():
		// What runs is waited for; what comes now would make that wait longer.
		err = wit.NewError(wit.CodeUnavailable, "the gateway is stopping: connect again in a moment")
	case req.Method == "connect":
		err = wit.NewError(wit.CodeInvalid, "connect already completed")
	default:
		c.call(req)
		return
	}
	c.fail(req.ID, err)
}

// tooFast says when the next request may come.
func tooFast(wait time.Duration) error {
	ms := wait.Milliseconds() + 1
	e := wit.NewError(wit.CodeRateLimited, "rate limit exceeded: send fewer requests a second")
	e.RetryAfter = &ms
	return e
}

// call runs a method and sends its answer, and before it the early one if the method has two. Stopping waits
// for it, so its answer is queued before the connection is closed.
func (c *conn) call(req wire.Request) {
	c.shared.work.begin()
	defer c.shared.work.end()
	start := time.Now()
	result, err := c.run(req)
	c.shared.metrics.request(req.Method, wit.CodeOf(err), time.Since(start))
	if err != nil {
		c.fail(req.ID, err)
		return
	}
	c.succeed(req.ID, result)
}

// run calls the method and makes a panic in it an error of this request alone.
func (c *conn) run(req wire.Request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.shared.log.Error("method panicked", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			err = wit.Errorf(wit.CodeInternal, "panic in %s", req.Method)
		}
	}()
	var once sync.Once
	accept := func(early any) { once.Do(func() { c.succeed(req.ID, early) }) }
	return c.shared.table.Call(c.ctx, c.caller, req.Method, req.Params, accept)
}

// succeed answers with a result, if the client can be expected to take one of that size.
func (c *conn) succeed(id string, result any) {
	payload, err := json.Marshal(result)
	if err != nil {
		c.fail(id, wit.Errorf(wit.CodeInternal, "encode the answer: %w", err))
		return
	}
	if int64(len(payload)) > max(c.out.maxBytes, 8<<20) {
		c.fail(id, wit.Errorf(wit.CodeTooLarge, "the answer has %d bytes: ask for less at a time", len(payload)))
		return
	}
	c.send(frame{body: wire.AppendResult(make([]byte, 0, len(payload)+len(id)+48), id, payload)}, false)
}

// fail answers with an error. Only what is nobody's fault but the gateway's is logged.
func (c *conn) fail(id string, err error) {
	if wit.CodeOf(err) == wit.CodeInternal {
		c.shared.log.Error("request failed", "conn", c.caller.ConnID, "id", id, "error", err)
	}
	c.send(frame{body: wire.AppendFailure(nil, id, wire.NewError(err, rpc.DetailsOf(err), c.caller.Protocol))}, false)
}

// send queues a frame and sees to it that somebody writes it. It never blocks.
func (c *conn) send(f frame, droppable bool) {
	v, start := c.out.push(f, droppable)
	switch v {
	case dropped:
		c.shared.metrics.dropped.Inc()
	case overflow:
		// On another goroutine: closing waits for the client, and send must not, since events are sent under
		// the lock of all members.
		c.shared.metrics.slow.Inc()
		go c.shut(wire.ClosePolicy, "slow consumer")
	}
	if start {
		go c.write()
	}
}

// write sends what waits until nothing does. Only one runs at a time.
func (c *conn) write() {
	var batch []frame
	buf := c.shared.buffers.takeBatch()
	defer c.shared.buffers.giveBatch(buf)
	for {
		if batch = c.out.next(batch); len(batch) == 0 {
			return
		}
		c.link.cork()
		var err error
		for _, f := range batch {
			b := f.encode(*buf)
			if err = c.ws.Write(context.Background(), websocket.MessageText, b); err != nil {
				break
			}
			if f.event && cap(b) > cap(*buf) && cap(b) <= 4*batchBytes {
				*buf = b[:0]
			}
		}
		if e := c.link.uncork(); err == nil {
			err = e
		}
		if err != nil {
			c.out.shut()
			_ = c.ws.CloseNow() // the reader ends the rest
			return
		}
	}
}

// shut closes with a reason that the client is told, after what was queued before.
func (c *conn) shut(code websocket.StatusCode, reason string) {
	if c.closing.Swap(true) {
		return
	}
	c.drain()
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

// drain gives the writer a moment to send what was queued before the end was decided.
func (c *conn) drain() {
	deadline := time.After(closeTimeout)
	for {
		room := c.out.ending()
		if room == nil {
			return
		}
		select {
		case <-room:
		case <-deadline:
			return
		}
	}
}

// end removes the connection, once. err is why the reader stopped.
func (c *conn) end(err error) {
	c.ending.Do(func() {
		c.cancel()
		c.out.shut()
		c.withdraw()
		c.shared.admission.exit(c.caller.RemoteIP)
		c.shared.log.Debug("connection ended", "conn", c.caller.ConnID, "client", c.caller.Client.ID, "reason", err)
		// Elsewhere, because it may wait and this is the reader, which has nothing left to do.
		go func() { _ = c.ws.CloseNow() }()
	})
}

// withdraw takes the connection out of what others see: events no longer reach it.
func (c *conn) withdraw() {
	c.shared.members.drop(c)
	c.shared.presence.depart(c.caller)
}
