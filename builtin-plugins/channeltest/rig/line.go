package rig

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/wit"
)

// line is a websocket of the account.
type line struct {
	how  *wit.OpenConnection
	conn *websocket.Conn // nil until it is open
}

// maxFrame is as large as the frames are that a test's server says.
const maxFrame = 1 << 20

// open makes a connection in place of one with the same id, and hands in what comes on it.
func (r *Rig) open(life context.Context, o *wit.OpenConnection) {
	r.hangUp(o.Connection)
	if o.Transport != wit.TransportWebsocket {
		r.t.Errorf("the rig opens websockets, not %s", o.Transport)
		return
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
		_ = l.conn.CloseNow()
	}
}

func (r *Rig) write(life context.Context, f *wit.Frame) {
	l := r.lines[f.Connection]
	if l == nil || l.conn == nil {
		return
	}
	kind, data := websocket.MessageBinary, f.Bytes
	if f.Text != nil {
		text := *f.Text
		if f.Fill {
			var err error
			if text, err = r.Host.Fill(text); err != nil {
				_ = l.conn.CloseNow() // as the kernel: what it cannot write whole it does not write
				return
			}
		}
		kind, data = websocket.MessageText, []byte(text)
	}
	_ = l.conn.Write(life, kind, data)
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
	if conn != nil {
		_ = conn.CloseNow()
	}
	if r.current(l) {
		closed := about(wit.EventKindClosed)
		closed.Closed = &wit.Closed{Code: uint16(max(websocket.CloseStatus(err), 0)), Reason: "gone"}
		if !l.how.Once {
			closed.Closed.ReopensAfter = new(int64(reopens / time.Millisecond))
		}
		r.deliver(life, closed)
		r.again(life, l)
	}
}

func (r *Rig) dial(life context.Context, l *line) (*websocket.Conn, error) {
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
	conn, _, err := websocket.Dial(life, url, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines[l.how.Connection] != l { // it was ended meanwhile
		return conn, net.ErrClosed
	}
	l.conn = conn
	r.opened++
	return conn, nil
}

func hear(life context.Context, conn *websocket.Conn) (*wit.Frame, error) {
	kind, data, err := conn.Read(life)
	if kind == websocket.MessageText {
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
