// Package client speaks the gateway's WebSocket protocol from the other end: for the command line, for
// tests and for benchmarks.
//
// Dial connects, signs with a device identity if one is given, and returns after hello-ok. Calls may be
// made by any number of goroutines; answers find their caller by id. Events arrive in order on one
// bounded channel; when its reader is slow the oldest are dropped and counted in the next event's Lost,
// to which gaps in the gateway's own seq are added. A connection that ends fails every call with
// CodeUnavailable, closes the channel, and is not made again: that is the caller's policy.
package client

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// Options say where to connect and as whom.
type Options struct {
	// URL is ws://host:port or wss://…; http and https mean the same.
	URL      string
	Token    string
	Password string
	// DeviceToken is sent where the protocol has a field for it, and else as the token.
	DeviceToken string
	// BootstrapToken is a setup code's.
	BootstrapToken string
	// Identity is the file of the device's key, made on demand; "" connects without device.
	Identity string
	// Client says who calls; ID defaults to "cli" and Mode to "cli".
	Client wire.Client
	// Role is operator when empty.
	Role wire.Role
	// Scopes are what is asked for; nil is admin for an operator, empty is none.
	Scopes []wire.Scope
	// MinProtocol and MaxProtocol default to all that the gateway speaks.
	MinProtocol, MaxProtocol int
	Caps                     []string
	// Commands and Permissions are a node's.
	Commands    []string
	Permissions map[string]bool
	// Dial replaces the network, for a gateway in the same process.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Header is added to the upgrade request.
	Header http.Header
	// EventBuffer is how many events wait for a reader; 256 when 0.
	EventBuffer int
	// Trace, if given, sees every frame before it is sent and after it was received, for tests. It is called
	// concurrently and must not keep the frame.
	Trace func(sent bool, frame []byte)
	// MaxMessage bounds what the gateway may send, in bytes; 64 MiB when 0.
	MaxMessage int64
}

// Event is news from the gateway.
type Event struct {
	Name    string
	Payload json.RawMessage
	Seq     uint64
	Version *wire.StateVersion
	// Lost is how many events before this one this client has missed.
	Lost uint64
}

// Client is one connection.
type Client struct {
	ws     *websocket.Conn
	trace  func(sent bool, frame []byte)
	hello  wire.HelloOK
	events chan Event
	done   chan struct{}

	mu     sync.Mutex
	nextID uint64
	calls  map[string]chan answer
	err    error

	lost uint64 // the reader's
	seq  uint64
}

type answer struct {
	payload json.RawMessage
	err     *wire.Error
}

// message is any frame of the gateway.
type message struct {
	Type    string             `json:"type"`
	ID      string             `json:"id"`
	OK      bool               `json:"ok"`
	Payload json.RawMessage    `json:"payload"`
	Error   *wire.Error        `json:"error"`
	Event   string             `json:"event"`
	Seq     uint64             `json:"seq"`
	Version *wire.StateVersion `json:"stateVersion"`
}

// Hello returns what the gateway said at connect.
func (c *Client) Hello() wire.HelloOK { return c.hello }

// Events gives the events in order. The channel is closed when the connection ends.
func (c *Client) Events() <-chan Event { return c.events }

// Done is closed when the connection has ended; Err then says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the connection ended, nil while it has not and after Close.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and waits until it has ended.
func (c *Client) Close() error {
	_ = c.ws.Close(wire.CloseNormal, "") // a connection that is gone already is closed too
	<-c.done
	return nil
}

// Call asks for a method and decodes the answer into out, which may be nil.
//
// Errors: the gateway's, as *wit.Error with the code that it had there (details are reachable by
// errors.As with *wire.Error); CodeUnavailable when the connection ends first; CodeTimeout when ctx
// ends first, and then the request may still have been carried out.
func (c *Client) Call(ctx context.Context, method string, params, out any) error {
	return c.call(ctx, method, params, nil, out)
}

// CallTwoPhase is Call for a method that answers twice: onAccept gets the early answer, on the caller's
// goroutine.
func (c *Client) CallTwoPhase(ctx context.Context, method string, params any, onAccept func(json.RawMessage), out any) error {
	if onAccept == nil {
		onAccept = func(json.RawMessage) {}
	}
	return c.call(ctx, method, params, onAccept, out)
}

func (c *Client) call(ctx context.Context, method string, params any, onAccept func(json.RawMessage), out any) error {
	id, answers, err := c.begin()
	if err != nil {
		return err
	}
	defer c.forget(id)
	if err := c.send(ctx, id, method, params); err != nil {
		return err
	}
	for {
		select {
		case a := <-answers:
			if a.err == nil && onAccept != nil {
				onAccept(a.payload)
				onAccept = nil
				continue
			}
			return a.into(out)
		case <-c.done:
			return c.gone()
		case <-ctx.Done():
			return wit.Errorf(wit.CodeTimeout, "%s: no answer in time: %w", method, ctx.Err())
		}
	}
}

func (a answer) into(out any) error {
	if a.err != nil {
		return &failure{a.err.Wit(), a.err}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.payload, out); err != nil {
		return wit.Errorf(wit.CodeInternal, "the gateway's answer cannot be read: %w", err)
	}
	return nil
}

// failure is the gateway's error in both forms.
type failure struct {
	coded *wit.Error
	wire  *wire.Error
}

func (f *failure) Error() string { return f.coded.Error() }

// Unwrap lets errors.As find either.
func (f *failure) Unwrap() []error { return []error{f.coded, f.wire} }

func (c *Client) begin() (string, chan answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		return "", nil, c.goneLocked()
	}
	c.nextID++
	id := strconv.FormatUint(c.nextID, 10)
	ch := make(chan answer, 2) // both answers of a two-phase method fit, so the reader never waits
	c.calls[id] = ch
	return id, ch, nil
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, id)
}

func (c *Client) send(ctx context.Context, id, method string, params any) error {
	b, err := json.Marshal(wire.RequestFrame{Type: "req", ID: id, Method: method, Params: params})
	if err != nil {
		return wit.Errorf(wit.CodeInvalid, "%s: the parameters cannot be encoded: %w", method, err)
	}
	// Not ctx: a write that is cut off in the middle would end the connection for everybody.
	bound, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return wit.Errorf(wit.CodeTimeout, "%s: not sent: %w", method, err)
	}
	c.trace(true, b)
	if err := c.ws.Write(bound, websocket.MessageText, b); err != nil {
		return c.gone()
	}
	return nil
}

func (c *Client) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.goneLocked()
}

func (c *Client) goneLocked() error {
	if c.err != nil {
		return c.err
	}
	return wit.NewError(wit.CodeUnavailable, "the connection to the gateway is closed")
}

// read runs until the connection ends.
func (c *Client) read() {
	var err error
	for err == nil {
		var b []byte
		if _, b, err = c.ws.Read(context.Background()); err != nil {
			break
		}
		c.trace(false, b)
		var m message
		if json.Unmarshal(b, &m) != nil {
			continue // a frame of a newer protocol
		}
		switch m.Type {
		case "res":
			c.answer(m)
		case "event":
			c.news(m)
		}
	}
	c.mu.Lock()
	c.calls = nil
	if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		c.err = closed(err)
	}
	c.mu.Unlock()
	close(c.done)
	close(c.events)
	_ = c.ws.CloseNow()
}

// closed words the end of a connection.
func closed(err error) error {
	why := err.Error()
	if e, ok := asClose(err); ok {
		why = e.Reason
	}
	return wit.Errorf(wit.CodeUnavailable, "the connection to the gateway ended: %s", why)
}

func (c *Client) answer(m message) {
	c.mu.Lock()
	ch := c.calls[m.ID]
	c.mu.Unlock()
	if ch == nil {
		return // the caller gave up
	}
	a := answer{payload: m.Payload}
	if !m.OK {
		if a.err = m.Error; a.err == nil {
			a.err = &wire.Error{Code: wire.Unavailable, Message: "the gateway failed without saying why"}
		}
	}
	select {
	case ch <- a:
	default: // a third answer
	}
}

func (c *Client) news(m message) {
	if m.Seq > c.seq+1 && c.seq > 0 {
		c.lost += m.Seq - c.seq - 1
	}
	if m.Seq > 0 {
		c.seq = m.Seq
	}
	e := Event{Name: m.Event, Payload: m.Payload, Seq: m.Seq, Version: m.Version}
	for {
		e.Lost = c.lost
		select {
		case c.events <- e:
			c.lost = 0
			return
		default:
		}
		select {
		case old := <-c.events:
			c.lost = old.Lost + 1 + c.lost
		default:
		}
	}
}
