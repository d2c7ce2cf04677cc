package channel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// caller keeps one connection open, in a goroutine of its own, for as long as it is wanted. A message waits
// for the handling of the one before, so a peer that sends faster than the plugin handles is slowed down.
type caller struct {
	account message.Account
	dialer  Dialer
	at      address
	c       *connection
	lastID  string  // of an event stream's event that was handled last
	outlet  *outlet // of the present opening, and of one whose end has not been handled
}

// serve opens the connection when its time has come, again and again.
func (k *caller) serve(ctx context.Context, until time.Time) {
	defer k.ended()
	for {
		if !retry.Sleep(ctx, time.Until(until)) {
			return
		}
		began, lived := time.Now(), time.Duration(0)
		dialed, err := k.converse(ctx)
		if ctx.Err() != nil {
			return // the plugin or a new start has ended it
		}
		if dialed {
			lived = max(time.Since(began), 1)
		}
		broke := &connectionBroke{c: k.c, err: err, lived: lived}
		if k.at.ask(ctx, broke) != nil || broke.closed == nil {
			return
		}
		// It is not opened again before the plugin has heard of the end.
		if _, ok := k.deliver(ctx, wit.EventKindClosed, func(e *wit.ChannelEvent) { e.Closed = broke.closed }); !ok || k.c.request.Once {
			return
		}
		k.ended()
		until = broke.until
	}
}

// ended tells the sends that wait for what would come on an opening that no more comes.
func (k *caller) ended() {
	if k.outlet != nil {
		close(k.outlet.ended)
		k.outlet = nil
	}
}

// converse opens the connection and exchanges frames until it ends.
func (k *caller) converse(ctx context.Context) (dialed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := k.dialer.Dial(ctx, k.account.Channel, k.account.ID, k.resumed())
	if err != nil {
		return false, err
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel(nil)
	tasks.Go(func() {
		<-ctx.Done()
		_ = conn.Close() // ends a Read that waits; its error says nothing new
	})
	secured := encrypted(k.c.request.URL)
	for again := true; again && err == nil; secured = true {
		if again, err = k.exchange(ctx, cancel, conn, secured); again {
			err = conn.Secure()
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return true, err
}

// encrypted reports whether what goes to a url is.
func encrypted(url string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(url), "://")
	return scheme == "wss" || scheme == "https" || scheme == "tls"
}

// exchange tells of an opening and exchanges frames until the connection ends, or is to go on encrypted.
func (k *caller) exchange(ctx context.Context, fail func(error), conn Conn, secured bool) (secure bool, err error) {
	ctx, end := context.WithCancel(ctx)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer end()
	k.ended()
	opened := &connectionOpened{c: k.c, fail: fail, broken: ctx.Done()}
	err = k.at.ask(ctx, opened)
	if k.outlet = opened.outlet; err != nil {
		return false, err
	}
	writing.Go(func() {
		if err := writeAll(ctx, opened.outlet, conn); err != nil {
			fail(err)
		}
	})
	k.at.post(ctx, k.event(wit.EventKindOpened, func(e *wit.ChannelEvent) { e.Opened = &wit.Opened{Secured: secured} }))
	if secure, err = k.readAll(ctx, conn); secure {
		writing.Wait() // for what was to be said in plain text
	} else {
		_ = conn.Close() // a Write that waits returns
	}
	return secure, err
}

// resumed is the request to open, again after the event that was handled last.
func (k *caller) resumed() wit.OpenConnection {
	o := k.c.request
	if k.lastID != "" && o.Transport == wit.TransportSSE {
		o.Headers = slices.DeleteFunc(slices.Clone(o.Headers), func(h wit.Header) bool { return strings.EqualFold(h.Name, "Last-Event-ID") })
		o.Headers = append(o.Headers, wit.Header{Name: "Last-Event-ID", Value: k.lastID})
	}
	return o
}

// writeAll sends frames, the plugin's answers' and those of sends, until ctx ends, there are to be no more, or the peer
// takes no more.
func writeAll(ctx context.Context, o *outlet, conn Conn) error {
	for {
		select {
		case f, more := <-o.frames:
			if !more {
				return nil
			}
			select {
			case o.taken <- struct{}{}:
			default:
			}
			if err := conn.Write(f); err != nil {
				return err
			}
		case p := <-o.parcels:
			var err error
			for i := 0; i < len(p.frames) && err == nil; i++ {
				err = conn.Write(p.frames[i])
			}
			if p.done <- err; err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Bounds of what is read while what came before is handled.
const (
	maxAhead  = 30
	aheadSize = 256 << 10 // bytes
	// maxUnwritten is how many frames of answers may wait to be written while more is read: whoever sends and takes nothing is not
	// listened to. What was read by then may be answered by three frames each, and its connection is not given up for that.
	maxUnwritten = maxFrames - 3*maxAhead
)

// readAll hands frames on until the connection ends, ctx does, or one was answered by securing it. Of a connection that
// may be secured, a frame is read once the one before is handled, of others a few are read ahead; the end is told
// behind them all.
func (k *caller) readAll(ctx context.Context, conn Conn) (secure bool, err error) {
	w := window{frames: maxAhead, bytes: aheadSize}
	if k.c.request.Transport == wit.TransportTCP {
		w.frames = 1
	}
	for !secure && k.outlet.written(ctx) {
		f, err := conn.Read()
		if err != nil {
			_, _ = w.wait(ctx, k, true)
			return false, err
		}
		f.Connection = k.c.id
		in := k.event(wit.EventKindMessage, func(e *wit.ChannelEvent) { e.Message = &f })
		in.done = make(chan outcome, 1)
		if !k.at.post(ctx, in) {
			return false, ctx.Err()
		}
		w.add(in)
		var ok bool
		if secure, ok = w.wait(ctx, k, false); !ok {
			return false, ctx.Err()
		}
	}
	return secure, ctx.Err()
}

// written waits until few frames wait to be written; false says that ctx has ended first.
func (o *outlet) written(ctx context.Context) bool {
	for len(o.frames) > maxUnwritten {
		select {
		case <-o.taken:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// window is the frames of an opening that are being handled, in order.
type window struct {
	frames, bytes int // there is room for
	waiting       []*input
}

func (w *window) add(in *input) {
	w.waiting = append(w.waiting, in)
	w.frames--
	w.bytes -= sizeOf(in.event.Message)
}

func sizeOf(f *wit.Frame) int {
	if f.Text != nil {
		return len(*f.Text)
	}
	return len(f.Bytes)
}

// wait waits until there is room, or all are handled, and takes those out that are. ok is false when ctx has ended first.
func (w *window) wait(ctx context.Context, k *caller, all bool) (secure, ok bool) {
	for len(w.waiting) > 0 {
		in := w.waiting[0]
		var o outcome
		select {
		case o = <-in.done:
		default:
			if !all && w.frames > 0 && w.bytes > 0 {
				return false, true
			}
			select {
			case o = <-in.done:
			case <-ctx.Done():
				return false, false
			}
		}
		w.waiting[0], w.waiting = nil, w.waiting[1:]
		w.frames++
		w.bytes += sizeOf(in.event.Message)
		if in.event.Message.ID != nil {
			k.lastID = *in.event.Message.ID
		}
		secure = secure || o.secure
	}
	return secure, true
}

// deliver posts an event and waits until it is handled; false says that ctx has ended first.
func (k *caller) deliver(ctx context.Context, kind wit.EventKind, fill func(*wit.ChannelEvent)) (outcome, bool) {
	in := k.event(kind, fill)
	in.done = make(chan outcome, 1)
	if !k.at.post(ctx, in) {
		return outcome{}, false
	}
	select {
	case o := <-in.done:
		return o, true
	case <-ctx.Done():
		return outcome{}, false
	}
}

func (k *caller) event(kind wit.EventKind, fill func(*wit.ChannelEvent)) *input {
	in := &input{gen: k.c.gen, origin: fromConnection, from: k.c, event: wit.ChannelEvent{Kind: kind, Connection: &k.c.id}}
	if fill != nil {
		fill(&in.event)
	}
	return in
}

// connectionOpened tells the loop of an opening.
type connectionOpened struct {
	c      *connection
	fail   func(error)
	broken <-chan struct{}
	outlet *outlet // where what is to be sent comes from
}

func (o *connectionOpened) carryOut(l *loop) error {
	if o.outlet = l.traffic.conns.opened(o.c, o.fail, o.broken); o.outlet == nil {
		return errClosed
	}
	if l.traffic.conns.breaks.restored(o.c.id, &l.report) {
		l.publish()
	}
	return nil
}

// errClosed says that nobody wants a connection any more.
var errClosed = errors.New("the connection was closed")

// connectionBroke tells the loop of the end of an opening, or of an attempt at one.
type connectionBroke struct {
	c     *connection
	err   error
	lived time.Duration // 0 when it could not be opened

	closed *wit.Closed // what the plugin is told; nil when the connection is no longer wanted
	until  time.Time   // when it is opened again
}

func (o *connectionBroke) carryOut(l *loop) error {
	delay, wanted := l.traffic.conns.broke(o.c, o.err, o.lived)
	if !wanted {
		return nil
	}
	closed := wit.Closed{Reason: o.err.Error()}
	if peer := (*ClosedError)(nil); errors.As(o.err, &peer) {
		closed = peer.Closed
	}
	closed.Reason = message.Clip(l.redact(closed.Reason), 500)
	again := !o.c.request.Once
	if again {
		closed.ReopensAfter = new(delay.Milliseconds())
	}
	o.closed, o.until = &closed, time.Now().Add(delay)
	l.traffic.conns.breaks.lost(o.c, &l.report, closed.Reason, o.lived == 0 && refused(o.err))
	l.log.Info("connection ended", "account", l.id, "connection", l.traffic.shown(o.c.id), "code", closed.Code, "reason", closed.Reason, "reopens", again)
	l.publish()
	return nil
}
