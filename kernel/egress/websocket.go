package egress

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/sse"
	"github.com/carapace-gateway/carapace/wit"
)

// webSocket opens a websocket. A ws or wss url is checked as the http or https one that its handshake is. The
// library is given a round tripper that ignores the url it was told and uses the checked one.
func (c *Conn) webSocket(client *Client, o *wit.OpenConnection) error {
	scheme, rest := splitScheme(o.URL)
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	r, err := c.prepare(client, scheme+"://"+rest, o)
	if err != nil {
		return err
	}
	shake := &handshake{m: c.m, transport: client.transport(c.m.policy.Owner, r)}
	header, protocols := c.handshakeHeader()
	conn, _, err := websocket.Dial(c.ctx, c.m.shown, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: shake, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		HTTPHeader: header, Subprotocols: protocols,
	})
	switch {
	case shake.err != nil:
		return shake.err
	case shake.status != http.StatusSwitchingProtocols:
		return c.refused(shake.status, shake.header, " instead of a websocket")
	case err != nil:
		return wit.Errorf(wit.CodeUnavailable, "http: %s does not speak websocket: %w", c.m.shown, err)
	}
	// It holds for a message in all its fragments together.
	conn.SetReadLimit(maxFrame)
	s := &webSocket{conn: conn, ctx: c.ctx}
	c.wire = s
	go s.keepAlive(client.limits.Ping, c.cancel)
	return nil
}

// handshakeHeader leaves the handshake's own headers to the library.
func (c *Conn) handshakeHeader() (header http.Header, protocols []string) {
	header = http.Header{"User-Agent": {"carapace"}}
	for _, h := range c.m.headers {
		switch {
		case h.name == "User-Agent":
			header.Set(h.name, h.value)
		case h.name == "Sec-Websocket-Protocol":
			for _, p := range strings.Split(h.value, ",") {
				protocols = append(protocols, strings.TrimSpace(p))
			}
		case !strings.HasPrefix(h.name, "Sec-Websocket-"):
			header.Add(h.name, h.value)
		}
	}
	return header, protocols
}

// handshake sends the library's request to the url that was checked, over the owner's own pool, and notes
// what came of it. A redirect is an answer like any other.
type handshake struct {
	m         *message
	transport *http.Transport
	status    int
	header    http.Header
	err       error
}

func (h *handshake) RoundTrip(req *http.Request) (*http.Response, error) {
	req.URL, req.Host = h.m.url, h.m.url.Host
	res, err := h.transport.RoundTrip(req)
	if h.err = err; err == nil {
		h.status, h.header = res.StatusCode, res.Header
	}
	return res, err
}

// webSocket is a wire of whole messages.
// heard counts what was read, and reading is set while somebody waits for a frame: see keepAlive.
type webSocket struct {
	conn    *websocket.Conn
	ctx     context.Context
	heard   atomic.Int64
	reading atomic.Bool
}

func (s *webSocket) read() (wit.Frame, error) {
	s.reading.Store(true)
	kind, data, err := s.conn.Read(s.ctx)
	s.reading.Store(false)
	s.heard.Add(1)
	end := websocket.CloseError{}
	switch {
	case err == nil && kind == websocket.MessageText:
		return wit.Frame{Text: new(sse.Text(data))}, nil
	case err == nil:
		return wit.Frame{Bytes: data}, nil
	case errors.As(err, &end):
		return wit.Frame{}, &ClosedError{wit.Closed{Code: uint16(end.Code), Reason: end.Reason}}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return wit.Frame{}, wit.Errorf(wit.CodeTooLarge, "http: the other side sent a frame of more than %d bytes", maxFrame)
	}
	return wit.Frame{}, err
}

func (s *webSocket) write(ctx context.Context, f *wit.Frame) error {
	if f.Text != nil {
		return s.conn.Write(ctx, websocket.MessageText, []byte(*f.Text))
	}
	return s.conn.Write(ctx, websocket.MessageBinary, f.Bytes)
}

func (s *webSocket) close() { _ = s.conn.CloseNow() }

// keepAlive pings, and ends the connection when neither an answer nor a frame comes. While nobody reads,
// the silence is our own.
// Pongs are read by Read alone. So a ping that nobody reads the answer of says nothing about the other side, and
// the connection is left alone until somebody reads again.
func (s *webSocket) keepAlive(every time.Duration, end context.CancelCauseFunc) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-s.ctx.Done():
			return
		}
		if !s.reading.Load() {
			continue
		}
		before := s.heard.Load()
		ctx, cancel := context.WithTimeout(s.ctx, every)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil && s.heard.Load() == before {
			end(errSilent)
			return
		}
	}
}
