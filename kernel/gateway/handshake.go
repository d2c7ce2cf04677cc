package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// handshake is a connection from its upgrade until it is let in or refused.
type handshake struct {
	g      *Gateway
	ws     *websocket.Conn
	link   *link
	id     string
	nonce  string
	ip     string
	local  bool
	origin string
}

// upgrade turns a request into a connection, or returns an HTTP error that says why not. The HTTP server's goroutine and
// buffers are free again when it returns.
func (g *Gateway) upgrade(w http.ResponseWriter, r *http.Request) {
	h := &handshake{g: g, id: uuid.NewString(), nonce: uuid.NewString(), ip: auth.RemoteIP(r), local: auth.Local(r), origin: r.Header.Get("Origin")}
	if !g.originAllowed(r) {
		g.log.Warn("connection refused: origin not allowed", "origin", h.origin, "host", r.Host, "ip", h.ip)
		problem(w, http.StatusForbidden, "origin not allowed", "forbidden")
		return
	}
	if !g.enter(h.ip) {
		g.log.Debug("connection refused: too many connections", "ip", h.ip)
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "connection limit reached", "unavailable")
		return
	}
	h.link = &link{g: g}
	ws, err := websocket.Accept(&hijacked{w, h.link}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin was checked above
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		g.exit(h.ip)
		return
	}
	h.ws = ws
	g.addHandshake(h)
	go h.run()
}

// run does the handshake: challenge, connect, hello-ok.
func (h *handshake) run() {
	c, err := h.open()
	h.g.removeHandshake(h)
	if err == nil {
		// On a fresh goroutine, because this one's stack has grown with what a handshake needs.
		go c.readLoop()
		return
	}
	defer h.g.exit(h.ip)
	var end *refusal
	if !errors.As(err, &end) {
		_ = h.ws.CloseNow()
		return
	}
	_ = h.link.SetReadDeadline(time.Time{})
	closeSocket(h.ws, h.link, end.close, end.Error())
}

// refusal is an error with its close code.
type refusal struct {
	error
	close websocket.StatusCode
}

func (h *handshake) open() (*conn, error) {
	if err := h.link.SetReadDeadline(time.Now().Add(h.g.limits.Handshake)); err != nil {
		return nil, err
	}
	h.ws.SetReadLimit(h.g.limits.MaxHandshake)
	if err := h.challenge(); err != nil {
		return nil, err
	}
	kind, r, err := h.ws.Reader(context.Background())
	if err != nil {
		return nil, h.silent(err)
	}
	if kind != websocket.MessageText {
		return nil, &refusal{errors.New("binary messages not supported"), wire.ClosePolicy}
	}
	msg, err := h.g.buffers.readAll(r)
	if err != nil {
		return nil, h.silent(err)
	}
	if !json.Valid(msg) {
		return nil, &refusal{errors.New(""), wire.CloseNormal}
	}
	req, err := wire.DecodeRequest(msg)
	if err == nil && req.Method != "connect" || err != nil && req.ID != "" {
		err = wit.NewError(wit.CodeInvalid, "invalid handshake: first request must be connect")
	}
	if err != nil {
		return nil, h.refuse(req.ID, err, wire.MaxProtocol)
	}
	return h.connect(req)
}

// silent is the error for a client that sent nothing in time, or went away.
func (h *handshake) silent(err error) error {
	h.g.metrics.refused.Inc()
	if h.g.stopping.Load() || errors.Is(err, websocket.ErrMessageTooBig) {
		return err
	}
	return &refusal{errors.New(""), wire.CloseNormal}
}

func (h *handshake) challenge() error {
	payload, err := json.Marshal(wire.Challenge{Nonce: h.nonce, Ts: time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	return h.write(wire.AppendSeq(wire.AppendEvent(nil, "connect.challenge", payload, nil), 0))
}

func (h *handshake) write(b []byte) error {
	return h.ws.Write(context.Background(), websocket.MessageText, b)
}

// refuse answers with the error, if there is a request to answer, and closes with its text.
func (h *handshake) refuse(id string, err error, protocol int) error {
	h.g.metrics.refused.Inc()
	e := wire.NewError(err, rpc.DetailsOf(err), protocol)
	if e.Code == wire.Unavailable && wit.CodeOf(err) == wit.CodeInternal {
		h.g.log.Error("connect failed", "conn", h.id, "error", err)
	}
	if id != "" {
		if err := h.write(wire.AppendFailure(nil, id, e)); err != nil {
			return err
		}
	}
	return &refusal{errors.New(e.Message), wire.ClosePolicy}
}

func (h *handshake) connect(req wire.Request) (*conn, error) {
	params, err := connectParams.Decode(req.Params)
	if err == nil && !wire.KnownClient(params.Client.ID) {
		err = wit.NewError(wit.CodeInvalid, "invalid connect params: at /client/id: must be the id of a known client")
	}
	if err != nil {
		return nil, h.refuse(req.ID, err, wire.MinProtocol)
	}
	protocol, ok := params.Negotiate()
	if !ok {
		return nil, h.mismatch(req.ID, params)
	}
	ctx, cancel := context.WithTimeout(h.g.base, h.g.limits.Handshake)
	defer cancel()
	grant, err := h.g.deps.Auth.Connect(ctx, auth.Attempt{
		Params: params, Protocol: protocol, Nonce: h.nonce, ConnID: h.id, RemoteIP: h.ip, Local: h.local, Origin: h.origin,
	})
	if err != nil {
		return nil, h.refuse(req.ID, err, protocol)
	}
	return h.welcome(ctx, req.ID, params, grant)
}

// mismatch names the protocols that this gateway speaks.
func (h *handshake) mismatch(id string, p wire.ConnectParams) error {
	expected := wire.MaxProtocol
	if p.MaxProtocol < wire.MinProtocol {
		expected = wire.MinProtocol
	}
	err := h.refuse(id, rpc.WithDetails(wit.NewError(wit.CodeInvalid, "protocol mismatch"), map[string]any{
		"code": "PROTOCOL_MISMATCH", "expectedProtocol": expected, "minimumProbeProtocol": wire.MinProtocol,
		"clientMinProtocol": p.MinProtocol, "clientMaxProtocol": p.MaxProtocol,
	}), wire.MaxProtocol)
	if r := (*refusal)(nil); errors.As(err, &r) {
		r.close = wire.CloseProtocol
	}
	return err
}

// welcome makes the connection. Events are queued for it before the snapshot is taken, so that none is missed in
// between, and nothing is sent before hello-ok.
func (h *handshake) welcome(ctx context.Context, id string, p wire.ConnectParams, grant auth.Grant) (*conn, error) {
	if err := h.link.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	g, now := h.g, time.Now()
	c := &conn{
		g: g, ws: h.ws, link: h.link, caller: grant.Caller, slots: make(chan struct{}, g.limits.InFlight),
		free: h.local && wire.Allows(grant.Caller.Role, grant.Caller.Scopes, wire.ScopeAdmin), nextTick: now.Add(g.limits.Tick), nextPing: now.Add(g.limits.Ping),
	}
	c.out.held = true
	c.ctx, c.cancel = context.WithCancel(g.base)
	limit := g.limits.MaxPayload3
	if c.caller.Protocol >= wire.Protocol4 {
		limit = g.limits.MaxPayload4
	}
	c.ws.SetReadLimit(limit)
	if !g.join(c) {
		c.cancel()
		return nil, h.refuse(id, wit.NewError(wit.CodeUnavailable, "the gateway is stopping: connect again in a moment"), c.caller.Protocol)
	}
	g.deps.Presence.arrive(c.caller)
	hello, health := g.hello(ctx, c, grant)
	payload, err := json.Marshal(hello)
	if err != nil {
		g.drop(c)
		c.cancel()
		return nil, h.refuse(id, wit.Errorf(wit.CodeInternal, "hello-ok: %w", err), c.caller.Protocol)
	}
	if wire.Allows(c.caller.Role, c.caller.Scopes, wire.ScopeRead) {
		c.send(frame{body: g.event("health", health), event: true}, true)
	}
	if c.out.release(frame{body: wire.AppendResult(nil, id, payload)}) {
		go c.write()
	}
	return c, nil
}
