package auth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

const sharedToken = "test-token-123"

// rig is an Auth with a clock to turn and a record of its events.
type rig struct {
	t      *testing.T
	auth   *auth.Auth
	store  store.Store
	deps   auth.Deps
	now    time.Time
	events []event.Event
	table  *rpc.Table
}

// testStart is when the vectors were signed.
var testStart = time.UnixMilli(1700000000000)

func deps(r *rig) auth.Deps {
	return auth.Deps{
		Store: store.OpenMemory(), Bus: &event.Bus{}, Token: sharedToken,
		Now: func() time.Time { return r.now }, Logger: hclog.NewNullLogger(),
	}
}

func newRig(t *testing.T, change ...func(*auth.Deps)) *rig {
	t.Helper()
	r := &rig{t: t, now: testStart}
	r.deps = deps(r)
	r.store, r.deps.StateDir = r.deps.Store, t.TempDir()
	r.deps.Bus.Subscribe(func(e event.Event) { r.events = append(r.events, e) })
	for _, c := range change {
		c(&r.deps)
	}
	r.restart()
	return r
}

// restart makes a new Auth on the same state.
func (r *rig) restart() {
	r.t.Helper()
	var err error
	if r.auth, err = auth.New(r.deps); err != nil {
		r.t.Fatal(err)
	}
	if r.table, err = rpc.NewTable(r.auth.Methods()...); err != nil {
		r.t.Fatal(err)
	}
}

// names returns the events since the last call.
func (r *rig) names() []string {
	var names []string
	for _, e := range r.events {
		name := e.Name
		switch d := e.Payload.(type) {
		case auth.Resolution:
			name += " " + d.Decision
		case auth.Revocation:
			name = strings.TrimSpace(name + " " + d.DeviceID + " " + string(d.Role))
		}
		names = append(names, name)
	}
	r.events = nil
	return names
}

func key(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i) + n
	}
	return ed25519.NewKeyFromSeed(seed)
}

type option func(*auth.Attempt)

func local(a *auth.Attempt)  { a.Peer = auth.Peer{RemoteIP: "127.0.0.1", Local: true} }
func remote(a *auth.Attempt) { a.Peer = auth.Peer{RemoteIP: "203.0.113.7"} }
func v3(a *auth.Attempt)     { a.Protocol = 3 }
func v4(a *auth.Attempt)     { a.Protocol = 4 }

func node(a *auth.Attempt) { a.Params.Role, a.Params.Scopes = "node", nil }

func scopes(s ...string) option { return func(a *auth.Attempt) { a.Params.Scopes = s } }

func secret(token, password string) option {
	return func(a *auth.Attempt) { a.Params.Auth = &wire.Auth{Token: token, Password: password} }
}

// sign adds a device; it has to come after what it signs.
func (r *rig) sign(k ed25519.PrivateKey, version int) option {
	return func(a *auth.Attempt) {
		public := k.Public().(ed25519.PublicKey)
		d := &wire.Device{ID: wire.DeviceID(public), PublicKey: base64.RawURLEncoding.EncodeToString(public), SignedAt: r.now.UnixMilli(), Nonce: a.Nonce}
		if version == 1 {
			d.Nonce = ""
		}
		role := a.Params.Role
		if role == "" {
			role = "operator"
		}
		s := wire.Signed{DeviceID: d.ID, Client: a.Params.Client, Role: role, Scopes: a.Params.Scopes, SignedAt: d.SignedAt, Token: a.Params.Auth.Signed(), Nonce: d.Nonce}
		d.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(k, []byte(s.Payload(version))))
		a.Params.Device = d
	}
}

func (r *rig) connect(options ...option) (auth.Grant, error) {
	a := auth.Attempt{
		Protocol: 3, Nonce: "nonce-abc", ConnID: "conn",
		Params: wire.ConnectParams{Client: wire.Client{ID: "cli", Mode: "cli", Version: "1", Platform: "linux", DeviceFamily: "Linux"}},
	}
	local(&a)
	for _, o := range options {
		o(&a)
	}
	return r.auth.Connect(context.Background(), a)
}

func (r *rig) must(options ...option) auth.Grant {
	r.t.Helper()
	g, err := r.connect(options...)
	if err != nil {
		r.t.Fatal(err)
	}
	return g
}

func admin() *rpc.Caller {
	return &rpc.Caller{ConnID: "admin", Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}, Protocol: 3}
}

// call runs a method and returns its answer as a client would see it.
func (r *rig) call(c *rpc.Caller, method string, params map[string]any) (map[string]any, error) {
	r.t.Helper()
	b, err := json.Marshal(params)
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := r.table.Call(context.Background(), c, method, b, nil)
	if err != nil {
		return nil, err
	}
	b, err = json.Marshal(got)
	if err != nil {
		r.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		r.t.Fatal(err)
	}
	return out, nil
}

// frame is what a client would see of an error: "CODE text details-code".
func frame(err error, protocol int) string {
	if err == nil {
		return "ok"
	}
	e := wire.NewError(err, rpc.DetailsOf(err), protocol)
	return fmt.Sprintf("%s %s", e.Code, e.Message)
}

func detail(err error, name string) any {
	if m, ok := rpc.DetailsOf(err).(map[string]any); ok {
		return maps.Clone(m)[name]
	}
	return nil
}

func code(err error) wit.Code { return wit.CodeOf(err) }
