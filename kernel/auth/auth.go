// Package auth decides who is calling: by the gateway's token or password, by a device's key and its
// pairing, and by the tokens that paired devices get.
//
// A connection is accepted for one of four reasons: the shared secret, a device token that belongs to the
// device that signs, a setup code that an admin has made, or (mode "none") being local. Who brings a device must sign the challenge with its
// key and be paired for the role and scopes it asks for: on this machine the shared secret pairs it
// silently, from elsewhere a request waits for the owner, at most five minutes and in bounded number.
// A setup code lets one device in, the first that shows it, for what the code is for, within ten minutes.
// Asking for more than was approved makes a new request and takes nothing away from what works.
//
// It refuses: signatures of small-order or malformed keys, stale or replayed ones, unsigned roles and
// scopes, and guessing: a limiter tells each address that fails to stay away for a time, and this machine's own for a
// much shorter one. It never refuses a right secret that is long enough: strangers who share an address with the owner,
// as behind a proxy, must not lock him out. Only one that is short enough to be guessed is not looked at meanwhile, except
// from this machine and from devices that were let in before, of which each is slowed down for its own failures alone.
//
// Secrets are compared in constant time by hash; device tokens are stored as hashes and derived from a key of the
// gateway's, so that a device keeps its token until it nears its end. Nothing secret reaches logs, events or errors.
//
// Everything is safe for concurrent use. What Connect decides is durable before it returns; events are
// published after the commit.
package auth

import (
	"context"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
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

// open reports whether nobody has to prove anything.
func (m Mode) open(local bool) bool { return m == ModeNone && local }

// orDefault fills in the default. Errors: CodeInvalid for an unknown mode, and for a password mode without one.
func (m Mode) orDefault(password string) (Mode, error) {
	switch {
	case m == "" && password != "":
		return ModePassword, nil
	case m == "":
		return ModeToken, nil
	case m == ModePassword && password == "":
		return m, wit.NewError(wit.CodeInvalid, "auth: mode password needs a password: set gateway.auth.password")
	case m != ModeToken && m != ModePassword && m != ModeNone:
		return m, wit.Errorf(wit.CodeInvalid, "auth: %q is not a mode: use token, password or none", m)
	}
	return m, nil
}

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
	// Proxies are the reverse proxies whose word about their clients counts.
	Proxies Proxies
	// AskAlways makes devices of this machine wait for the owner's approval too.
	AskAlways bool
	// Addresses is for setup codes.
	Addresses Addresses
	// Connected returns the ids of the devices that are; none are when it is nil.
	Connected func() map[string]bool
	// Note is told of each login that was refused for its secret, and of each that let a device in, and must return at once;
	// nil is nobody.
	Note func(Login)
	// Now is time.Now when nil.
	Now    func() time.Time
	Logger hclog.Logger
}

// Auth decides who is calling. It has no state of its own: holders knows who has which token, limiter the failures of the last minutes,
// verifier the device proofs that may not come again, login the shared secret, and pairing and methods
// change the devices in the store.
type Auth struct {
	mode     Mode
	token    string
	proxies  Proxies
	limiter  *limiter
	verifier *verifier
	login    *login
	pairing  *pairing
	methods  *methods
	holders  *holders
	note     func(Login)
	log      hclog.Logger
}

// New reads or makes the secrets.
//
// Errors: CodeInvalid for an unknown mode or a password mode without password; CodeUnavailable when
// the state directory refuses.
func New(d Deps) (*Auth, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Connected == nil {
		d.Connected = func() map[string]bool { return nil }
	}
	if d.Note == nil {
		d.Note = func(Login) {}
	}
	mode, err := d.Mode.orDefault(d.Password)
	if err != nil {
		return nil, err
	}
	dir := stateDir(d.StateDir)
	key, err := dir.deviceKey()
	if err != nil {
		return nil, err
	}
	a := &Auth{mode: mode, proxies: d.Proxies, limiter: newLimiter(d.Now), note: d.Note, log: d.Logger}
	given, least := "", minToken
	switch mode {
	case ModePassword:
		given, least = d.Password, minPassword
	case ModeToken:
		if a.token, err = dir.gatewayToken(d.Token); err != nil {
			return nil, err
		}
		given = a.token
	}
	var shared secret // matches nothing in mode none
	if given != "" {
		shared = newSecret(given)
	}
	weak := guessable(given, least)
	if given != "" && weak {
		d.Logger.Warn(fmt.Sprintf("the gateway's %s could be guessed, so that strangers who try can hold you up: take one of %d characters or more, "+
			"or leave it out, and a long token is made", mode, least), "characters", utf8.RuneCountInString(given))
	}
	mint := tokens{key: key, now: d.Now}
	a.verifier = &verifier{mode: mode, now: d.Now, replays: newReplays(d.Now)}
	a.login = &login{mode: mode, shared: shared, guessable: weak, store: d.Store, now: d.Now}
	a.pairing = &pairing{store: d.Store, bus: d.Bus, tokens: mint, askAlways: d.AskAlways, now: d.Now}
	a.methods = &methods{a.pairing, mode, d.Addresses, d.Connected}
	a.holders = &holders{store: d.Store, now: d.Now}
	return a, nil
}

// Mode returns how the gateway's owner proves who he is.
func (a *Auth) Mode() Mode { return a.mode }

// Token returns the gateway's token, configured or generated, for the owner's own terminal; it is empty
// in other modes.
func (a *Auth) Token() string { return a.token }

// Methods are this package's rows.
func (a *Auth) Methods() []rpc.Method { return a.methods.rows() }

// Peer says who sends a request.
func (a *Auth) Peer(r *http.Request) Peer { return a.proxies.Peer(r) }

// Proxy reports whether an address is a trusted proxy's: many clients share it.
func (a *Auth) Proxy(ip string) bool { return a.proxies.trusts(ip) }

// Connect decides about an attempt. Its checks run in the order in which the error texts stand in the
// protocol's description, so that a client sees the same first complaint as from other gateways.
//
// Errors: CodeInvalid for what can never work (role, key, signature); CodeUnauthorized for wrong or
// missing secrets, with details in protocol 4; wire.NotPaired "device identity required" and "pairing
// required" (details requestId); CodeRateLimited with a delay instead of CodeUnauthorized for a wrong secret while
// the peer is being slowed down.
func (a *Auth) Connect(ctx context.Context, t Attempt) (Grant, error) {
	ask, err := asked(t)
	if err != nil {
		return Grant{}, err
	}
	dev, err := a.verifier.identify(t, ask)
	if err != nil {
		return Grant{}, err
	}
	from := t.Peer.bucket()
	if !t.Local && a.login.knows(ctx, dev) {
		from = ofDevice(dev.id)
	}
	method, err := a.login.authenticate(ctx, t, dev, a.slowed(from))
	if err != nil {
		if wit.CodeOf(err) == wit.CodeUnauthorized && presented(t.Params) {
			if wait := a.limiter.fail(from); wait > 0 {
				return Grant{}, tooMany(wait)
			}
			a.log.Warn("login refused", "ip", t.RemoteIP, "client", t.Params.Client.ID, "reason", err.Error())
			a.note(Login{Method: "connect", Caller: callerOf(t, ask), Err: err})
		}
		return Grant{}, err
	}
	// The secret was right, also if the device still waits for its owner. A device's own token or code says nothing
	// about who else guesses at that address.
	if method.shared() {
		a.limiter.pass(from)
	}
	hello := wire.HelloAuth{Role: ask.role, Scopes: ask.scopes}
	if t.Protocol >= wire.Protocol4 {
		hello.Method = string(method)
	}
	caller := callerOf(t, ask)
	caller.Secret, caller.Invited = method.shared(), method == bySetupCode
	if ask.role == wire.RoleNode {
		caller.Offer = wire.Offer{Commands: t.Params.Commands, Permissions: t.Params.Permissions, PathEnv: t.Params.PathEnv}
	}
	if dev != nil {
		caller.DeviceID = dev.id
		got, err := a.pairing.admit(ctx, applicant{t, ask, dev, method})
		if err != nil {
			return Grant{}, err
		}
		hello.DeviceToken, hello.IssuedAtMs, hello.DeviceTokens = got.token.plain, got.token.at, got.others
		if got.approved {
			a.note(Login{Method: "connect", Caller: caller, Via: ViaSilent})
		}
		if got.setup != nil {
			a.note(Login{Method: "connect", Caller: caller, Via: ViaSetupCode})
			a.log.Info("a setup code let a device in", "device", dev.id, "access", got.setup.Access, "ip", t.RemoteIP)
		}
	}
	return Grant{Caller: caller, Hello: hello}, nil
}

// callerOf is who makes an attempt.
func callerOf(t Attempt, k ask) *rpc.Caller {
	return &rpc.Caller{
		ConnID: t.ConnID, Client: t.Params.Client, Role: k.role, Scopes: k.scopes, RemoteIP: t.RemoteIP, Local: t.Local, Protocol: t.Protocol,
		Caps: t.Params.Caps,
	}
}

// slowed reports whether the peers of a bucket have to stay away for now. This machine's own programs never have to:
// nothing tells another's from the owner's, who would be locked out with them.
func (a *Auth) slowed(b bucket) bool { return !b.local && a.limiter.wait(b) > 0 }

// HTTP decides about a request by its bearer token: the gateway's token or password gives an admin. In
// mode none a local request without one is the owner's. Who refuses a request says so to Refused.
//
// Errors: CodeUnauthorized.
func (a *Auth) HTTP(r *http.Request) (*rpc.Caller, error) {
	peer := a.Peer(r)
	given, bearer := bearerOf(r)
	switch {
	case a.mode.open(peer.Local):
	case bearer && a.login.tries(a.slowed(peer.bucket())) && a.login.shared.matches(given):
		a.limiter.pass(peer.bucket())
	default:
		return nil, errHTTP()
	}
	return &rpc.Caller{
		ConnID: "http:" + uuid.NewString(), Client: httpClient(), Role: wire.RoleOperator,
		Scopes: []wire.Scope{wire.ScopeAdmin}, RemoteIP: peer.RemoteIP, Local: peer.Local, Protocol: wire.MaxProtocol,
	}, nil
}

// httpClient is the client of requests that name none.
func httpClient() wire.Client { return wire.Client{ID: "http", Mode: "backend"} }

func errHTTP() error { return wit.NewError(wit.CodeUnauthorized, "Unauthorized") }

// Refused counts a request whose secret was wrong, whatever it was, as a failed login. It returns how long its
// sender has to stay away if that was said to him before, else 0.
func (a *Auth) Refused(r *http.Request) (wait time.Duration) {
	peer := a.Peer(r)
	if wait = a.limiter.fail(peer.bucket()); wait == 0 {
		a.log.Warn("request refused", "ip", peer.RemoteIP, "path", r.URL.Path)
		a.note(Login{Method: "http", Caller: &rpc.Caller{Client: httpClient(), RemoteIP: peer.RemoteIP, Local: peer.Local}, Err: errHTTP()})
	}
	return wait
}

// tooMany says when to come back, a millisecond late so that nobody is told off again, in the error and, for clients that read them, in its details.
func tooMany(wait time.Duration) error {
	err := wit.ErrorAfter(wit.CodeRateLimited, wait+time.Millisecond, "unauthorized: too many failed logins from this address: wait and try again")
	return rpc.WithDetails(err, map[string]any{"code": "AUTH_RATE_LIMITED", "retryAfterMs": *wit.AsError(err).RetryAfter})
}
