package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// handshake is a connection from its upgrade until it is let in or refused.
type handshake struct {
	door   *door
	ws     *websocket.Conn
	link   *link
	id     string // the connection's, also after the handshake
	nonce  string // of the challenge
	peer   auth.Peer
	origin string // a browser's, checked
}

// run does the handshake: challenge, connect, hello-ok.
func (h *handshake) run() {
	c, err := h.open()
	h.door.hub.handshakes.remove(h)
	if err == nil {
		// On a fresh goroutine, because this one's stack has grown with what a handshake needs.
		go c.readLoop()
		return
	}
	defer h.door.hub.admission.exit(h.peer.RemoteIP)
	var end *refusal
	if !errors.As(err, &end) {
		_ = h.ws.CloseNow()
		return
	}
	// Closing reads the client's part, within a time of its own.
	_ = h.link.SetReadDeadline(time.Time{})
	closeSocket(h.ws, h.link, end.close, end.Error())
}

// open returns the connection, or why there is none: a *refusal for what the client is to be told.
func (h *handshake) open() (*conn, error) {
	if err := h.link.SetReadDeadline(time.Now().Add(h.door.limits.Handshake)); err != nil {
		return nil, err
	}
	h.ws.SetReadLimit(-1) // readMessage has one of its own
	if err := h.challenge(); err != nil {
		return nil, err
	}
	m, err := readMessage(h.ws, h.link.transport, h.door.limits.MaxHandshake)
	if err != nil {
		return nil, h.silent(err)
	}
	defer m.release()
	if m.rest != nil {
		h.door.metrics.refused.Inc()
		return nil, tooLong(h.door.limits.MaxHandshake)
	}
	// What is no JSON is no client of this protocol, which a reason would not help.
	if !json.Valid(m.text) {
		return nil, &refusal{errors.New(""), wire.CloseNormal}
	}
	req, err := wire.DecodeRequest(m.text)
	if err == nil && req.Method != "connect" || err != nil && req.ID != "" {
		err = wit.NewError(wit.CodeInvalid, "invalid handshake: first request must be connect")
	}
	if err != nil {
		return nil, h.refuse(req.ID, err, wire.MaxProtocol)
	}
	return h.connect(req)
}

// silent is the error for a client that sent nothing in time or nothing that is a message, or went away.
func (h *handshake) silent(err error) error {
	h.door.metrics.refused.Inc()
	var end *refusal
	if h.door.hub.stopping() || errors.As(err, &end) {
		return err
	}
	return &refusal{errors.New(""), wire.CloseNormal}
}

// challenge sends the nonce that a device has to sign, so that no signature serves twice.
func (h *handshake) challenge() error {
	payload, err := json.Marshal(wire.Challenge{Nonce: h.nonce, Ts: time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	return h.write(wire.AppendSeq(wire.AppendEvent(nil, challengeKind.Name, payload, nil), 0))
}

// write sends at once, past the outbox: before hello-ok there is none, and one goroutine only.
func (h *handshake) write(b []byte) error {
	_, err := h.link.writeFrames([]frame{{body: b}})
	return err
}

// refuse answers with the error, if there is a request to answer, and closes with its text.
func (h *handshake) refuse(id string, err error, protocol int) error {
	return h.refuseWith(wire.ClosePolicy, id, err, protocol)
}

// refuseWith is refuse with another close code.
func (h *handshake) refuseWith(code websocket.StatusCode, id string, err error, protocol int) error {
	h.door.metrics.refused.Inc()
	e := wire.NewError(err, rpc.DetailsOf(err), protocol)
	if e.Code == wire.Unavailable && wit.CodeOf(err) == wit.CodeInternal {
		h.door.log.Error("connect failed", "conn", h.id, "error", err)
	}
	if id != "" {
		if err := h.write(wire.AppendFailure(nil, id, e)); err != nil {
			return err
		}
	}
	return &refusal{errors.New(e.Message), code}
}

// connect decides about the first request. An unknown client is refused before auth spends anything on it.
func (h *handshake) connect(req wire.Request) (*conn, error) {
	params, err := connectParams.Decode(req.Params)
	if err == nil && !wire.KnownClient(params.Client.ID) {
		err = wit.NewError(wit.CodeInvalid, "invalid connect params: at /client/id: must be the id of a known client")
	}
	if err != nil {
		return nil, h.refuse(req.ID, err, wire.MinProtocol)
	}
	if role := wire.Role(params.Role); role == wire.RoleNode && !h.door.requests.table.Serves(role) {
		return nil, h.refuse(req.ID, wit.NewError(wit.CodeInvalid, "invalid role: this gateway has nothing for nodes"), wire.MinProtocol)
	}
	protocol, ok := params.Negotiate()
	if !ok {
		return nil, h.mismatch(req.ID, params)
	}
	ctx, cancel := context.WithTimeout(h.door.hub.base, h.door.limits.Handshake)
	defer cancel()
	grant, err := h.door.auth.Connect(ctx, auth.Attempt{
		Params: params, Protocol: protocol, Nonce: h.nonce, ConnID: h.id, Peer: h.peer, Origin: h.origin,
	})
	if err != nil {
		return nil, h.refuse(req.ID, err, protocol)
	}
	return h.welcome(ctx, req.ID, grant)
}

// mismatch names the protocols that this gateway speaks.
func (h *handshake) mismatch(id string, p wire.ConnectParams) error {
	expected := wire.MaxProtocol
	if p.MaxProtocol < wire.MinProtocol {
		expected = wire.MinProtocol
	}
	return h.refuseWith(wire.CloseProtocol, id, rpc.WithDetails(wit.NewError(wit.CodeInvalid, "protocol mismatch"), map[string]any{
		"code": "PROTOCOL_MISMATCH", "expectedProtocol": expected, "minimumProbeProtocol": wire.MinProtocol,
		"clientMinProtocol": p.MinProtocol, "clientMaxProtocol": p.MaxProtocol,
	}), wire.MaxProtocol)
}

// welcome makes the connection. Events are queued for it before the snapshot is taken, so that none is missed in
// between, and nothing is sent before hello-ok.
func (h *handshake) welcome(ctx context.Context, id string, grant auth.Grant) (*conn, error) {
	if err := h.link.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	c := h.conn(grant.Caller)
	// Before hello-ok, which shows who is there: a client finds itself among them.
	if !c.hub.join(c) {
		c.cancel()
		return nil, h.refuse(id, errStopping(), c.caller.Protocol)
	}
	h.link.known()
	hello, health, err := h.door.greeter.appendHello(ctx, wire.AppendResultHead(nil, id), c, grant)
	if err != nil {
		c.hub.leave(c)
		c.cancel()
		return nil, h.refuse(id, wit.Errorf(wit.CodeInternal, "hello-ok: %w", err), c.caller.Protocol)
	}
	if wire.Allows(c.caller.Role, c.caller.Scopes, wire.ScopeRead) {
		c.send(frame{body: h.door.broadcast.event(healthEvent, health), event: true}, true)
	}
	c.out.open(frame{body: append(hello, '}')})
	return c, nil
}

// conn makes the connection of a caller that auth has let in. Nobody knows it yet.
func (h *handshake) conn(caller *rpc.Caller) *conn {
	d, now := h.door, time.Now()
	c := &conn{
		hub: d.hub, requests: d.requests, limits: d.limits, ws: h.ws, link: h.link, caller: caller,
		out: writer{ws: h.ws, link: h.link, metrics: d.metrics}, slots: make(chan struct{}, d.limits.InFlight), answering: make(chan struct{}, 1),
		pace:     pace{free: h.peer.Local && wire.Allows(caller.Role, caller.Scopes, wire.ScopeAdmin)},
		nextTick: now.Add(d.limits.Tick), nextPing: now.Add(d.limits.Ping),
	}
	c.out.held = true
	c.out.maxFrames, c.out.maxBytes = d.limits.queue(caller.Protocol)
	c.out.all = h.link.transport.memory
	c.ctx, c.cancel = context.WithCancel(rpc.WithCaller(d.hub.base, caller))
	return c
}
