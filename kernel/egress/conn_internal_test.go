package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/wit"
)

// ended is a wire on which nothing comes any more, that notes whether it was closed.
type ended struct {
	err    error
	closed bool
}

func (e *ended) read() (wit.Frame, error)                { return wit.Frame{}, e.err }
func (e *ended) write(context.Context, *wit.Frame) error { return e.err }
func (e *ended) close()                                  { e.closed = true }

// on is a connection on a wire.
func on(t *testing.T, w wire) *Conn {
	ctx, cancel := context.WithCancelCause(t.Context())
	return &Conn{ctx: ctx, cancel: cancel, wire: w, m: &message{shown: "tcp://x:1"}}
}

// TestOnCloseComesLast: whoever counts connections gives a place away only when its descriptor is free.
func TestOnCloseComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ended{}
		c := on(t, w)
		closed := make(chan bool)
		c.OnClose(func() { closed <- w.closed })
		_ = c.Close()
		if !<-closed {
			t.Error("it is told while the connection is open")
		}
	})
}

// TestNoLineIsSentOnceItIsOver, also if the connection is not closed yet.
func TestNoLineIsSentOnceItIsOver(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	ctx, cancel := context.WithCancel(t.Context())
	l := newSocket(near, nil, &wit.OpenConnection{})
	if err := l.write(ctx, &wit.Frame{Text: new("x")}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := l.write(ctx, &wit.Frame{Text: new("x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("it is sent: %v", err)
	}
}

// TestWhoEndedAConnection: what a wire says after it was closed here is a consequence of that.
func TestWhoEndedAConnection(t *testing.T) {
	bye := &ClosedError{wit.Closed{Code: 4000, Reason: "bye"}}
	for _, tt := range []struct {
		err         error
		open, after string // what is said while it is open, and once it was closed
	}{
		{io.EOF, "closed by the other side: the end of the stream", "was closed here"},
		{bye, "closed by the other side: bye", "was closed here"},
		{errors.New("reset"), "cannot be reached: reset", "was closed here"},
		{wit.NewError(wit.CodeTooLarge, "too long"), "too long", "too long"},
	} {
		c := on(t, &ended{err: tt.err})
		for _, want := range []string{tt.open, tt.after} {
			if _, err := c.Read(); !strings.Contains(err.Error(), want) {
				t.Errorf("%v is read as %v, want %s", tt.err, err, want)
			}
		}
		c = on(t, &ended{err: tt.err})
		_ = c.Close()
		if err := c.Write(wit.Frame{}); wit.CodeOf(err) == wit.CodeTimeout {
			t.Errorf("%v is written as %v", tt.err, err)
		}
	}
}
