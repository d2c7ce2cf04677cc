package gateway_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

func TestPresence(t *testing.T) {
	r := boot(t)
	admin := r.connect(client.Options{Client: wire.Client{DisplayName: "desk", InstanceID: "i-1"}})
	reader := r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeRead}})
	rows := func(c *client.Client) map[string]wire.Presence {
		var list []wire.Presence
		if err := c.Call(t.Context(), "system-presence", nil, &list); err != nil {
			t.Fatal(err)
		}
		m := map[string]wire.Presence{}
		for _, p := range list {
			m[p.Host+"/"+p.Reason] = p
		}
		if list[0].Mode != "gateway" {
			t.Errorf("first row = %+v", list[0])
		}
		return m
	}
	if p := rows(admin)["desk/connect"]; p.InstanceID != "i-1" || len(p.Scopes) == 0 {
		t.Errorf("an admin sees %+v", p)
	}
	if p := rows(reader)["desk/connect"]; p.Ts == 0 || p.InstanceID != "" || p.Scopes != nil {
		t.Errorf("a reader sees %+v", p)
	}
	before := next(t, reader, "presence")
	admin.Close()
	for {
		e := next(t, reader, "presence")
		if e.Version.Presence <= before.Version.Presence {
			t.Errorf("state version %d after %d", e.Version.Presence, before.Version.Presence)
		}
		if strings.Contains(string(e.Payload), `"reason":"disconnect"`) {
			break
		}
	}
	if strings.Contains(string(before.Payload), "i-1") {
		t.Errorf("a reader is sent %s", before.Payload)
	}
}

func TestTicksPingsAndTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		alive := r.connect(client.Options{})
		start := time.Now()
		for n := range 4 {
			e := next(t, alive, "tick")
			if at := time.Since(start); at < time.Duration(n+1)*30*time.Second || at > time.Duration(n+1)*32*time.Second {
				t.Errorf("tick %d after %v", n, at)
			}
			if !strings.HasPrefix(string(e.Payload), `{"ts":`) {
				t.Errorf("payload %s", e.Payload)
			}
		}
		// Its answers to pings kept this one; one that answers nothing goes.
		if alive.Err() != nil {
			t.Fatal(alive.Err())
		}
		mute, err := r.mem.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer mute.Close()
		w := &mutePeer{Conn: mute}
		ws := rawUpgrade(t, w)
		w.mute.Store(true)
		start = time.Now()
		<-ws
		if at := time.Since(start); at < 60*time.Second || at > 100*time.Second {
			t.Errorf("the mute one was closed after %v", at)
		}
		r.stop()
	})
}

// mutePeer takes what it is sent and answers nothing once it is mute.
type mutePeer struct {
	net.Conn
	mute atomic.Bool
}

func (m *mutePeer) Write(b []byte) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

// rawUpgrade connects over conn and returns a channel that is closed when the connection ends.
func rawUpgrade(t *testing.T, conn net.Conn) <-chan struct{} {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URL: "ws://localhost", Token: token, Dial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return c.Done()
}

// A long answer on a slow line takes its time, which is no reason to close.
func TestSlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("long", wire.ScopeRead, func(context.Context, rpc.None) (string, error) {
			return strings.Repeat("x", 1<<20), nil
		})))
		c, err := client.Dial(t.Context(), client.Options{URL: "ws://localhost", Token: token, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
			conn, err := r.mem.Dial(ctx, n, a)
			return &slowLine{conn}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var got string
		if err := c.Call(context.Background(), "long", nil, &got); err != nil || len(got) != 1<<20 {
			t.Errorf("%d bytes came: %v", len(got), err)
		}
		if took := time.Since(start); took < 15*time.Second {
			t.Errorf("the line is not slow: %v", took)
		}
		c.Close()
		r.stop()
	})
}

// slowLine carries about 50 KB a second.
type slowLine struct{ net.Conn }

func (l *slowLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	time.Sleep(time.Duration(n) * 20 * time.Microsecond)
	return n, err
}
