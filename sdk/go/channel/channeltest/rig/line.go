package rig

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Socket is a websocket that is open. Read and Write may be called at the same time as each other, and Close as both.
type Socket interface {
	// Read waits for the next frame, text or bytes. Its error is what has ended the connection.
	Read(ctx context.Context) (data []byte, text bool, err error)
	Write(ctx context.Context, data []byte, text bool) error
	// Close ends the connection at once.
	Close() error
	// Code is with what code the other end has closed it, by Read's error; 0 for none.
	Code(err error) uint16
}

// line is a websocket of the account.
type line struct {
	how  *wit.OpenConnection
	conn Socket // nil until it is open
}

// open makes a connection in place of one with the same id, and hands in what comes on it.
func (r *Rig) open(life context.Context, o *wit.OpenConnection) {
	r.hangUp(o.Connection)
	if o.Transport != wit.TransportWebsocket {
		r.t.Errorf("the rig opens websockets, not %s", o.Transport)
		return
	}
	if r.Dial == nil {
		panic("the plugin opens a websocket: set the rig's Dial to dial.Websocket") // or the test waits for it in vain
	}
	l := &line{how: o}
	r.lines[o.Connection] = l
	r.under.Go(func() { r.converse(life, l) })
}

// hangUp ends a connection without an event, as the kernel does when the plugin wants it.
func (r *Rig) hangUp(id string) {
	l := r.lines[id]
	delete(r.lines, id)
	if l != nil && l.conn != nil {
		_ = l.conn.Close()
	}
}

func (r *Rig) write(life context.Context, f *wit.Frame) {
	l := r.lines[f.Connection]
	if l == nil || l.conn == nil {
		return
	}
	data := f.Bytes
	if f.Text != nil {
		text := *f.Text
		if f.Fill {
			var err error
			if text, err = r.Host.Fill(text); err != nil {
				_ = l.conn.Close() // as the kernel: what it cannot write whole it does not write
				return
			}
		}
		data = []byte(text)
	}
	_ = l.conn.Write(life, data, f.Text != nil)
}

// converse hands in what happens to a connection until it ends.
func (r *Rig) converse(life context.Context, l *line) {
	about := func(kind wit.EventKind) *wit.ChannelEvent {
		return &wit.ChannelEvent{Kind: kind, Connection: &l.how.Connection}
	}
	conn, err := r.dial(life, l)
	if err == nil {
		opened := about(wit.EventKindOpened)
		opened.Opened = &wit.Opened{}
		r.deliver(life, opened)
	}
	for err == nil {
		var said *wit.Frame
		if said, err = hear(life, conn); err == nil {
			said.Connection = l.how.Connection
			event := about(wit.EventKindMessage)
			event.Message = said
			r.deliver(life, event)
		}
	}
	var code uint16
	if conn != nil {
		code = conn.Code(err)
		_ = conn.Close()
	}
	if r.current(l) {
		closed := about(wit.EventKindClosed)
		closed.Closed = &wit.Closed{Code: code, Reason: "gone"}
		if !l.how.Once {
			closed.Closed.ReopensAfter = new(int64(reopens / time.Millisecond))
		}
		r.deliver(life, closed)
		r.again(life, l)
	}
}

func (r *Rig) dial(life context.Context, l *line) (Socket, error) {
	url, err := r.Host.Fill(l.how.URL)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for _, h := range l.how.Headers {
		value, err := r.Host.Fill(h.Value)
		if err != nil {
			return nil, err
		}
		header.Set(h.Name, value)
	}
	conn, err := r.Dial(life, url, header)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines[l.how.Connection] != l { // it was ended meanwhile
		return conn, net.ErrClosed
	}
	l.conn = conn
	r.opened++
	return conn, nil
}

func hear(life context.Context, conn Socket) (*wit.Frame, error) {
	data, text, err := conn.Read(life)
	if text {
		return &wit.Frame{Text: new(string(data))}, err
	}
	return &wit.Frame{Bytes: data}, err
}

// reopens is how long after its end a connection is opened again, as the plugin thinks.
const reopens = 500 * time.Millisecond

// again opens a connection once more, unless the plugin has ended it, has opened it itself, or wanted it once.
func (r *Rig) again(life context.Context, l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines[l.how.Connection] != l || life.Err() != nil {
		return
	}
	delete(r.lines, l.how.Connection)
	if l.how.Once {
		return
	}
	next := &line{how: l.how}
	r.lines[l.how.Connection] = next
	r.under.Go(func() {
		select {
		case <-time.After(reopens / r.Pace):
			if r.current(next) {
				r.converse(life, next)
			}
		case <-life.Done():
		}
	})
}

// current reports whether a connection is the account's own still.
func (r *Rig) current(l *line) bool {
	return read(r, func() bool { return r.lines[l.how.Connection] == l })
}
