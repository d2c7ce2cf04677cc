package egress

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// closing is a wire that can be closed.
type closing struct{ closed bool }

func (c *closing) read() (wit.Frame, error)                { return wit.Frame{}, nil }
func (c *closing) write(context.Context, *wit.Frame) error { return nil }
func (c *closing) close()                                  { c.closed = true }

// TestOnCloseComesLast: whoever counts connections gives a place away only when its descriptor is free.
func TestOnCloseComesLast(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	w := &closing{}
	c := &Conn{ctx: ctx, cancel: cancel, wire: w}
	closed := make(chan bool)
	c.OnClose(func() { closed <- w.closed })
	_ = c.Close()
	if !<-closed {
		t.Error("it is told while the connection is open")
	}
}
