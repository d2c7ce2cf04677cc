package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// Dial connects and returns after hello-ok. ctx bounds the connecting, not the connection.
//
// Errors: CodeUnavailable when nobody answers there; else the gateway's refusal, as Call gives it.
func Dial(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	var id *identity
	if o.Identity != "" {
		var err error
		if id, err = loadIdentity(o.Identity); err != nil {
			return nil, err
		}
	}
	ws, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	c := &Client{ws: ws, trace: o.Trace, events: make(chan Event, o.EventBuffer), done: make(chan struct{}), calls: map[string]chan answer{}}
	if err := c.shakeHands(ctx, o, id); err != nil {
		_ = ws.CloseNow()
		return nil, err
	}
	go c.read()
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Client.ID == "" {
		o.Client.ID = "cli"
	}
	if o.Client.Mode == "" {
		o.Client.Mode = "cli"
	}
	if o.Client.Version == "" {
		o.Client.Version = "dev"
	}
	if o.Client.Platform == "" {
		o.Client.Platform = runtime.GOOS
	}
	if o.Role == "" {
		o.Role = wire.RoleOperator
	}
	if o.Scopes == nil && o.Role == wire.RoleOperator {
		o.Scopes = []wire.Scope{wire.ScopeAdmin}
	}
	if o.MinProtocol == 0 {
		o.MinProtocol = wire.MinProtocol
	}
	if o.MaxProtocol == 0 {
		o.MaxProtocol = max(wire.MaxProtocol, o.MinProtocol)
	}
	if o.EventBuffer == 0 {
		o.EventBuffer = 256
	}
	if o.Trace == nil {
		o.Trace = func(bool, []byte) {}
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = 64 << 20
	}
	return o
}

func (o Options) open(ctx context.Context) (*websocket.Conn, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return nil, wit.Errorf(wit.CodeInvalid, "%q is no gateway address: use ws://host:port", o.URL)
	}
	if u.Path == "" {
		u.Path = "/ws"
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: o.Dial, DisableKeepAlives: true}
	if o.Dial != nil {
		transport.Proxy = nil
	}
	ws, res, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport, CheckRedirect: stay}, HTTPHeader: o.Header})
	switch {
	case err == nil:
	case res != nil && res.StatusCode == http.StatusForbidden:
		return nil, wit.NewError(wit.CodeForbidden, "the gateway refuses this origin")
	case res != nil:
		return nil, wit.Errorf(wit.CodeUnavailable, "no gateway answers at %s: it answered %s", o.URL, res.Status)
	default:
		return nil, wit.Errorf(wit.CodeUnavailable, "no gateway answers at %s: is it running? %w", o.URL, err)
	}
	ws.SetReadLimit(o.MaxMessage)
	return ws, nil
}

func (c *Client) shakeHands(ctx context.Context, o Options, id *identity) error {
	challenge, err := c.receive(ctx)
	if err != nil {
		return err
	}
	var nonce wire.Challenge
	if challenge.Event != "connect.challenge" || json.Unmarshal(challenge.Payload, &nonce) != nil {
		return wit.Errorf(wit.CodeUnavailable, "%s is no gateway: it did not send a challenge", o.URL)
	}
	frame, err := json.Marshal(wire.RequestFrame{Type: "req", ID: "connect", Method: "connect", Params: o.params(id, nonce.Nonce)})
	if err != nil {
		return wit.Errorf(wit.CodeInvalid, "connect: %w", err)
	}
	c.trace(true, frame)
	if err := c.ws.Write(ctx, websocket.MessageText, frame); err != nil {
		return closed(err)
	}
	m, err := c.receive(ctx)
	if err != nil {
		return err
	}
	a := answer{payload: m.Payload}
	if !m.OK {
		if a.err = m.Error; a.err == nil {
			return wit.NewError(wit.CodeUnavailable, "the gateway refused without saying why")
		}
	}
	return a.into(&c.hello)
}

func (c *Client) receive(ctx context.Context) (message, error) {
	var m message
	_, b, err := c.ws.Read(ctx)
	if err != nil {
		return m, closed(err)
	}
	c.trace(false, b)
	if err := json.Unmarshal(b, &m); err != nil {
		return m, wit.Errorf(wit.CodeUnavailable, "this is no gateway: %w", err)
	}
	return m, nil
}

func (o Options) params(id *identity, nonce string) wire.ConnectParams {
	p := wire.ConnectParams{
		MinProtocol: o.MinProtocol, MaxProtocol: o.MaxProtocol, Client: o.Client, Role: string(o.Role),
		Caps: o.Caps, Commands: o.Commands, Permissions: o.Permissions,
	}
	for _, s := range o.Scopes {
		p.Scopes = append(p.Scopes, string(s))
	}
	a := wire.Auth{Token: o.Token, Password: o.Password, BootstrapToken: o.BootstrapToken}
	if o.DeviceToken != "" {
		if o.MaxProtocol >= wire.Protocol4 {
			a.DeviceToken = o.DeviceToken
		} else if a.Token == "" {
			a.Token = o.DeviceToken
		}
	}
	if a != (wire.Auth{}) {
		p.Auth = &a
	}
	if id != nil {
		p.Device = id.sign(p, nonce, time.Now())
	}
	return p
}

func asClose(err error) (websocket.CloseError, bool) {
	var e websocket.CloseError
	ok := errors.As(err, &e)
	return e, ok && strings.TrimSpace(e.Reason) != ""
}

// stay follows no redirect: what proves who the client is goes only to the gateway that was named.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
