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
	g       *Gateway
	ws      *websocket.Conn
	link    *link
	caller  *rpc.Caller
	ctx     context.Context
	cancel  context.CancelFunc
	out     outbox
	slots   chan struct{} // one per request that runs
	bucket  rate.Bucket   // the reader's
	refused int           // requests in a row that came too early; the reader's
	free    bool          // of the rate limit
	ending  sync.Once
	closing atomic.Bool

	// The sweeper's.
	nextTick, nextPing time.Time
}

func (c *conn) limits() (frames int, buffered int64) {
	if c.caller.Protocol >= wire.Protocol4 {
		return c.g.limits.MaxQueued, c.g.limits.MaxBuffered4
	}
	return c.g.limits.MaxQueued, c.g.limits.MaxBuffered3
}

// readLoop reads and runs requests one after the other. When one takes long, a timer starts another
// readLoop beside it, and this one ends with its request: so fast requests need no goroutine of their
// own and keep their order, and slow ones hold up nobody. One goroutine reads at a time.
func (c *conn) readLoop() {
	frames, buffered := c.limits()
	for {
		if room := c.out.full(frames, buffered); room != nil {
			select {
			case <-room:
				continue
			case <-c.ctx.Done():
			}
		}
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
		handoff := time.AfterFunc(c.g.limits.Handoff, c.readLoop)
		c.handle(msg, wait)
		<-c.slots
		if !handoff.Stop() {
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
	return c.g.buffers.readAll(r)
}

// admit returns how long a request comes too early, 0 for not at all.
func (c *conn) admit() time.Duration {
	if c.free {
		return 0
	}
	burst := c.g.limits.Burst
	wait := c.bucket.Take(time.Now(), rate.Limit{PerSecond: c.g.limits.Rate, Burst: burst})
	if wait == 0 {
		c.refused = 0
	} else if c.refused++; c.refused > burst {
		go c.shut(wire.ClosePolicy, "rate limit exceeded")
	}
	return wait
}

// handle answers one frame.
func (c *conn) handle(msg []byte, wait time.Duration) {
	req, err := wire.DecodeRequest(msg)
	switch {
	case err != nil && req.ID == "":
		go c.shut(wire.ClosePolicy, err.Error())
		return
	case err != nil:
	case wait > 0:
		err = tooFast(wait)
	case c.g.stopping.Load():
		err = wit.NewError(wit.CodeUnavailable, "the gateway is stopping: connect again in a moment")
	case req.Method == "connect":
		err = wit.NewError(wit.CodeInvalid, "connect already completed")
	default:
		c.call(req)
		return
	}
	c.fail(req.ID, err)
}

func tooFast(wait time.Duration) error {
	ms := wait.Milliseconds() + 1
	e := wit.NewError(wit.CodeRateLimited, "rate limit exceeded: send fewer requests a second")
	e.RetryAfter = &ms
	return e
}

// call runs a method and sends its answer, and before it the early one if the method has two.
func (c *conn) call(req wire.Request) {
	c.g.work.begin()
	defer c.g.work.end()
	start := time.Now()
	result, err := c.run(req)
	c.g.metrics.request(req.Method, wit.CodeOf(err), time.Since(start))
	if err != nil {
		c.fail(req.ID, err)
		return
	}
	c.succeed(req.ID, result)
}

func (c *conn) run(req wire.Request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.g.log.Error("method panicked", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			err = wit.Errorf(wit.CodeInternal, "panic in %s", req.Method)
		}
	}()
	var once sync.Once
	accept := func(early any) { once.Do(func() { c.succeed(req.ID, early) }) }
	return c.g.deps.Table.Call(c.ctx, c.caller, req.Method, req.Params, accept)
}

func (c *conn) succeed(id string, result any) {
	payload, err := json.Marshal(result)
	if err != nil {
		c.fail(id, wit.Errorf(wit.CodeInternal, "encode the answer: %w", err))
		return
	}
	_, most := c.limits()
	if int64(len(payload)) > max(most, 8<<20) {
		c.fail(id, wit.Errorf(wit.CodeTooLarge, "the answer has %d bytes: ask for less at a time", len(payload)))
		return
	}
	c.send(frame{body: wire.AppendResult(make([]byte, 0, len(payload)+len(id)+48), id, payload)}, false)
}

func (c *conn) fail(id string, err error) {
	if wit.CodeOf(err) == wit.CodeInternal {
		c.g.log.Error("request failed", "conn", c.caller.ConnID, "id", id, "error", err)
	}
	c.send(frame{body: wire.AppendFailure(nil, id, wire.NewError(err, rpc.DetailsOf(err), c.caller.Protocol))}, false)
}

// send queues a frame and sees to it that somebody writes it. It never blocks.
func (c *conn) send(f frame, droppable bool) {
	frames, buffered := c.limits()
	v, start := c.out.push(f, droppable, frames, buffered)
	switch v {
	case dropped:
		c.g.metrics.dropped.Inc()
	case overflow:
		c.g.metrics.slow.Inc()
		go c.shut(wire.ClosePolicy, "slow consumer")
	}
	if start {
		go c.write()
	}
}

// write sends what waits until nothing does. Only one runs at a time.
func (c *conn) write() {
	var batch []frame
	buf := c.g.buffers.takeBatch()
	defer c.g.buffers.giveBatch(buf)
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
		c.g.leave(c)
		c.g.log.Debug("connection ended", "conn", c.caller.ConnID, "client", c.caller.Client.ID, "reason", err)
		go func() { _ = c.ws.CloseNow() }()
	})
}
