// Package auth decides who is calling: by the gateway's token or password, by a device's key and its
// pairing, and by the tokens that paired devices get.
//
// A connection is accepted for one of three reasons: the shared secret, a device token that belongs to the
// device that signs, or (mode "none") being local. Who brings a device must sign the challenge with its
// key and be paired for the role and scopes it asks for: on this machine the shared secret pairs it
// silently, from elsewhere a request waits for the owner, at most five minutes and in bounded number.
// Asking for more than was approved makes a new request and takes nothing away from what works.
//
// It refuses: signatures of small-order or malformed keys, stale or replayed ones, unsigned roles and
// scopes, and guessing: a limiter delays each address that fails, and this machine's own by much less. Secrets are compared in
// constant time by hash; device tokens are stored as hashes and derived from a key of the gateway's, so
// that a device keeps its token until it nears its end. Nothing secret reaches logs, events or errors.
//
// Everything is safe for concurrent use. What Connect decides is durable before it returns; events are
// published after the commit.
package auth

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// Mode is how the gateway's owner proves who he is.
type Mode string

const (
	// ModeToken asks for the gateway's token. It is the default.
	ModeToken Mode = "token"
	// ModePassword asks for the gateway's password.
	ModePassword Mode = "password"
	// ModeNone asks nothing of local connections and refuses all others.
	ModeNone Mode = "none"
)

// Deps is what New needs.
type Deps struct {
	Store store.Store
	Bus   *event.Bus
	// Mode is ModePassword when empty and a Password is given, else ModeToken.
	Mode     Mode
	Token    string
	Password string
	// StateDir is where a generated token and the key of the device tokens are kept (0600). When it is
	// empty both live as long as the Auth.
	StateDir string
	// Now is time.Now when nil.
	Now    func() time.Time
	Logger hclog.Logger
}

// Auth knows the secrets, the devices and the failures of the last minutes.
type Auth struct {
	store   store.Store
	bus     *event.Bus
	log     hclog.Logger
	now     func() time.Time
	mode    Mode
	shared  secret
	token   string
	key     [32]byte
	limiter *limiter
	replays *replays
}

// New reads or makes the secrets.
//
// Errors: CodeInvalid for an unknown mode or a password mode without password; CodeUnavailable when
// the state directory refuses.
func New(d Deps) (*Auth, error) {
	a := &Auth{store: d.Store, bus: d.Bus, log: d.Logger, now: d.Now, mode: d.Mode}
	if a.now == nil {
		a.now = time.Now
	}
	if a.mode == "" {
		a.mode = ModeToken
		if d.Password != "" {
			a.mode = ModePassword
		}
	}
	a.limiter, a.replays = newLimiter(a.now), newReplays(a.now)
	if err := a.secrets(d); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Auth) secrets(d Deps) (err error) {
	if a.key, err = deviceKey(d.StateDir); err != nil {
		return err
	}
	switch a.mode {
	case ModeNone:
		return nil
	case ModePassword:
		if d.Password == "" {
			return wit.NewError(wit.CodeInvalid, "auth: mode password needs a password: set gateway.auth.password")
		}
		a.shared = newSecret(d.Password)
		return nil
	case ModeToken:
		if a.token, err = gatewayToken(d.StateDir, d.Token); err != nil {
			return err
		}
		a.shared = newSecret(a.token)
		return nil
	}
	return wit.Errorf(wit.CodeInvalid, "auth: %q is not a mode: use token, password or none", a.mode)
}

// Mode returns how the gateway's owner proves who he is.
func (a *Auth) Mode() Mode { return a.mode }

// Token returns the gateway's token, configured or generated, for the owner's own terminal; it is empty
// in other modes.
func (a *Auth) Token() string { return a.token }

// Attempt is one connect request with what the transport knows about its sender.
type Attempt struct {
	Params wire.ConnectParams
	// Protocol is the negotiated number.
	Protocol int
	// Nonce is the challenge that this connection was sent.
	Nonce    string
	ConnID   string
	RemoteIP string
	// Local is a peer on this machine that came through no proxy and asked for a local name.
	Local bool
	// Origin is a browser's, already checked; it only shows in pairing requests.
	Origin string
}

// Grant is what a connection may do.
type Grant struct {
	Caller *rpc.Caller
	Hello  wire.HelloAuth
}

// Connect decides about an attempt. Its checks run in the order in which the error texts stand in the
// protocol's description, so that a client sees the same first complaint as from other gateways.
//
// Errors: CodeInvalid for what can never work (role, key, signature); CodeUnauthorized for wrong or
// missing secrets, with details in protocol 4; wire.NotPaired "device identity required" and "pairing
// required" (details requestId); CodeRateLimited with a delay while the address is being slowed down.
func (a *Auth) Connect(ctx context.Context, t Attempt) (Grant, error) {
	ask, err := asked(t)
	if err != nil {
		return Grant{}, err
	}
	if wait := a.limiter.wait(t.RemoteIP); wait > 0 {
		return Grant{}, tooMany(wait)
	}
	dev, err := a.identify(t, ask)
	if err != nil {
		return Grant{}, err
	}
	method, err := a.authenticate(ctx, t, ask, dev)
	if err != nil {
		if wit.CodeOf(err) == wit.CodeUnauthorized && presented(t.Params) {
			a.limiter.fail(t.RemoteIP, t.Local)
			a.log.Warn("login refused", "ip", t.RemoteIP, "client", t.Params.Client.ID, "reason", err.Error())
		}
		return Grant{}, err
	}
	a.limiter.pass(t.RemoteIP)
	hello := wire.HelloAuth{Role: ask.role, Scopes: ask.scopes}
	if t.Protocol >= wire.Protocol4 {
		hello.Method = string(method)
	}
	caller := &rpc.Caller{
		ConnID: t.ConnID, Client: t.Params.Client, Role: ask.role, Scopes: ask.scopes,
		RemoteIP: t.RemoteIP, Local: t.Local, Protocol: t.Protocol, Caps: t.Params.Caps,
	}
	if dev != nil {
		caller.DeviceID = dev.id
		issued, err := a.admit(ctx, t, ask, dev, method)
		if err != nil {
			return Grant{}, err
		}
		hello.DeviceToken, hello.IssuedAtMs = issued.plain, issued.at
	}
	return Grant{Caller: caller, Hello: hello}, nil
}

// ask is the role and the scopes that a client wants, defaults filled in.
type ask struct {
	role   wire.Role
	scopes []wire.Scope
	// signed are the scopes as the client may have signed them.
	signed [][]string
}

// maxScope bounds a scope's name.
const maxScope = 64

func asked(t Attempt) (ask, error) {
	p := t.Params
	k := ask{role: wire.Role(p.Role), scopes: []wire.Scope{}, signed: [][]string{p.Scopes}}
	if k.role == "" {
		k.role = wire.RoleOperator
	}
	if k.role != wire.RoleOperator && k.role != wire.RoleNode {
		return ask{}, wit.NewError(wit.CodeInvalid, "invalid role")
	}
	for _, s := range p.Scopes {
		if !plainScope(s) {
			return ask{}, wit.NewError(wit.CodeInvalid, "invalid connect params: at /scopes: must be names of scopes")
		}
		k.scopes = append(k.scopes, wire.Scope(s))
	}
	// Without scopes, protocol 3 means all of them and protocol 4 none.
	if len(p.Scopes) == 0 && k.role == wire.RoleOperator && t.Protocol < wire.Protocol4 {
		k.scopes = []wire.Scope{wire.ScopeAdmin}
		k.signed = append(k.signed, []string{string(wire.ScopeAdmin)})
	}
	return k, nil
}

// plainScope refuses what would make the signed string ambiguous.
func plainScope(s string) bool {
	if s == "" || len(s) > maxScope {
		return false
	}
	for _, c := range s {
		if c != '.' && c != '-' && c != '_' && c != '*' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

func presented(p wire.ConnectParams) bool {
	return p.Auth != nil && (p.Auth.Token != "" || p.Auth.Password != "" || p.Auth.DeviceToken != "")
}

func tooMany(wait time.Duration) error {
	ms := wait.Milliseconds() + 1
	e := wit.NewError(wit.CodeRateLimited, "unauthorized: too many failed logins from this address: wait and try again")
	e.RetryAfter = &ms
	return rpc.WithDetails(e, map[string]any{"code": "AUTH_RATE_LIMITED", "retryAfterMs": ms})
}

// notFound reports whether err is the store's for a missing record.
func notFound(err error) bool {
	return errors.Is(err, &wit.Error{Code: wit.CodeNotFound})
}
