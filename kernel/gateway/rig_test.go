package gateway_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/bubble"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/hashicorp/go-hclog"
)

const token = "a-token-of-the-tests"

// rig is a gateway on an in-memory listener, with an auth and a few methods.
type rig struct {
	t    testing.TB
	mem  *gatewaytest.Listener
	bus  *event.Bus
	auth *auth.Auth
	gw   *gateway.Gateway
	stop func()
}

type authDeps = auth.Deps

type rigOption func(*authDeps, *gateway.Deps)

func limits(l gateway.Limits) rigOption {
	return func(_ *authDeps, g *gateway.Deps) { g.Limits = l }
}

func methods(rows ...rpc.Method) rigOption {
	return func(_ *authDeps, g *gateway.Deps) {
		var err error
		if g.Table, err = rpc.NewTable(rows...); err != nil {
			panic(err)
		}
	}
}

type health struct {
	OK bool `json:"ok"`
}

func boot(t testing.TB, opts ...rigOption) *rig {
	t.Helper()
	return bootOn(t, nil, opts...)
}

// bootTCP serves on a TCP port of loopback as well, and returns its address.
func bootTCP(t testing.TB, opts ...rigOption) (*rig, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return bootOn(t, []net.Listener{ln}, opts...), "ws://" + ln.Addr().String()
}

func bootOn(t testing.TB, listeners []net.Listener, opts ...rigOption) *rig {
	t.Helper()
	bubble.Limit(t)
	r := &rig{t: t, mem: gatewaytest.NewListener(), bus: &event.Bus{}}
	ad := auth.Deps{Store: store.OpenMemory(), Bus: r.bus, Token: token, Logger: hclog.NewNullLogger()}
	presence := gateway.NewPresence("test")
	gd := gateway.Deps{
		Bus: r.bus, Presence: presence, Version: "test", Logger: hclog.NewNullLogger(), Kinds: auth.Events(),
		Snapshot: func(context.Context) gateway.Snapshot {
			return gateway.Snapshot{Health: health{true}, StateDir: "/state"}
		},
	}
	for _, o := range opts {
		o(&ad, &gd)
	}
	var err error
	if r.auth, err = auth.New(ad); err != nil {
		t.Fatal(err)
	}
	gd.Auth = r.auth
	if gd.Table == nil {
		rows := append(presence.Methods(), r.auth.Methods()...)
		rows = append(rows, rpc.New("health", wire.ScopeRead, func(context.Context, rpc.None) (health, error) { return health{true}, nil }))
		if gd.Table, err = rpc.NewTable(rows...); err != nil {
			t.Fatal(err)
		}
	}
	if r.gw, err = gateway.New(gd); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.gw.Run(ctx, append(listeners, r.mem)...) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) dial(o client.Options) (*client.Client, error) {
	o.URL = "ws://localhost"
	o.Dial = r.mem.Dial
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.Dial(ctx, o)
}

func (r *rig) connect(o client.Options) *client.Client {
	r.t.Helper()
	if o.Token == "" {
		o.Token = token
	}
	c, err := r.dial(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}
