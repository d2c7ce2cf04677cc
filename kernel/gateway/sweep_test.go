package gateway_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		admin := r.connect(client.Options{Client: wire.Client{DisplayName: "desk", InstanceID: "i-1"}})
		reader := r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeRead}, MaxProtocol: 3})
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
	})
}

// In protocol 4 the list is of those who are there; protocol 3 shows for a while who left.
func TestWhoLeftIsProtocol3s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		watch := map[int]*client.Client{}
		for _, protocol := range []int{3, 4} {
			watch[protocol] = r.connect(client.Options{MinProtocol: protocol, MaxProtocol: protocol, Client: wire.Client{DisplayName: "watcher"}})
		}
		gone := r.connect(client.Options{Client: wire.Client{DisplayName: "gone"}})
		for _, c := range watch {
			for !strings.Contains(string(next(t, c, "presence").Payload), `"host":"gone"`) {
			}
		}
		gone.Close()
		for protocol, c := range watch {
			for {
				shown := string(next(t, c, "presence").Payload)
				if strings.Contains(shown, `"reason":"disconnect"`) || !strings.Contains(shown, `"host":"gone"`) {
					break
				}
			}
			var list []wire.Presence
			if err := c.Call(t.Context(), "system-presence", nil, &list); err != nil {
				t.Fatal(err)
			}
			hello := r.connect(client.Options{MinProtocol: protocol, MaxProtocol: protocol}).Hello()
			for where, rows := range map[string][]wire.Presence{"system-presence": list, "hello-ok": hello.Snapshot.Presence} {
				shows := slices.ContainsFunc(rows, func(p wire.Presence) bool { return p.Host == "gone" })
				if shows != (protocol == 3) {
					t.Errorf("%s of protocol %d shows who left: %v", where, protocol, shows)
				}
			}
		}
	})
}

// Who comes and goes is announced at once, and what follows within a quarter of a second, and a millisecond more for
// each connection, with the next announcement.
func TestPresenceIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		watch := r.connect(client.Options{EventBuffer: 100})
		time.Sleep(time.Second)
		for len(watch.Events()) > 0 {
			<-watch.Events()
		}
		start := time.Now()
		announced := func(within time.Duration) string {
			var at []string
			for over := time.After(within); ; {
				select {
				case e := <-watch.Events():
					if e.Name == "presence" {
						at = append(at, time.Since(start).Truncate(10*time.Millisecond).String())
					}
				case <-over:
					return strings.Join(at, " ")
				}
			}
		}
		r.connect(client.Options{})
		r.connect(client.Options{})
		if got := announced(200 * time.Millisecond); got != "0s" {
			t.Errorf("two that come are announced at %s", got)
		}
		r.connect(client.Options{})
		if got := announced(100 * time.Millisecond); got != "250ms" {
			t.Errorf("the second and a third are announced at %s", got)
		}
		r.connect(client.Options{})
		if got := announced(time.Second); got != "500ms" {
			t.Errorf("a fourth is announced at %s", got)
		}
		r.stop()
	})
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
		reason := <-ws
		if at := time.Since(start); at < 60*time.Second || at > 100*time.Second {
			t.Errorf("the mute one was closed after %v", at)
		}
		if reason == nil || !strings.Contains(reason.Error(), "no sign of life") {
			t.Errorf("the mute one was told %v", reason)
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

// rawUpgrade connects over conn and returns a channel that gets why the connection ended.
func rawUpgrade(t *testing.T, conn net.Conn) <-chan error {
	t.Helper()
	c, err := client.Dial(t.Context(), client.Options{URL: "ws://localhost", Token: token, Dial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { <-c.Done(); ended <- c.Err() }()
	return ended
}

// A long answer on a slow line takes its time, which is no reason to close.
func TestSlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("long", wire.ScopeRead, func(context.Context, rpc.None) (string, error) {
			return strings.Repeat("x", 1<<20), nil
		})))
		c, err := client.Dial(t.Context(), client.Options{URL: "ws://localhost", Token: token, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
			conn, err := r.mem.Dial(ctx, n, a)
			return &slowLine{conn, 20 * time.Microsecond}, err
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

// A client on a slow line that asks for much gets it, and what happens meanwhile too: were it closed instead, it would
// come back and ask for the same.
func TestSlowLineWithALongAnswerAndNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		news := event.Kind[string]{Name: "chat", Scope: wire.ScopeRead}
		const long, each, events = 2 << 20, 10 << 10, 100
		var asked sync.WaitGroup
		asked.Add(3)
		r := boot(t, methods(rpc.New("long", wire.ScopeRead, func(context.Context, rpc.None) (string, error) {
			asked.Done()
			asked.Wait()
			return strings.Repeat("x", long), nil
		})))
		var line net.Conn
		// At two kilobytes a second not even one write is over in Limits.Write.
		c, err := client.Dial(t.Context(), client.Options{URL: "ws://localhost", Token: token, MaxProtocol: 3, EventBuffer: 1000,
			Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
				conn, err := r.mem.Dial(ctx, n, a)
				line = conn
				return &slowLine{conn, 500 * time.Microsecond}, err
			}})
		if err != nil {
			t.Fatal(err)
		}
		var asks sync.WaitGroup
		for range 3 { // together beyond what may wait of events
			asks.Go(func() {
				var got string
				if err := c.Call(context.Background(), "long", nil, &got); err != nil || len(got) != long {
					t.Errorf("%d bytes came: %v", len(got), err)
				}
			})
		}
		synctest.Wait()
		for range events {
			time.Sleep(time.Second)
			news.Publish(r.bus, strings.Repeat("y", each))
		}
		asks.Wait()
		for n := 0; n < events; {
			e, ok := <-c.Events()
			if !ok {
				t.Fatalf("closed after %d events: %v", n, c.Err())
			}
			if e.Name == "chat" {
				n++
			}
		}
		_ = line.Close()
		<-c.Done()
		r.stop()
	})
}

// A gateway that was stopped for a day, with its machine or by a signal, takes none of its clients for dead before they
// could answer.
func TestSleepIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, limits(gateway.Limits{Tick: time.Hour, Ping: time.Hour})) // its own turns are minutes apart
		c := r.connect(client.Options{})
		r.gw.Sweep(time.Now())
		r.gw.Sweep(time.Now().Add(24 * time.Hour))
		if err := c.Call(t.Context(), "health", nil, nil); err != nil {
			t.Error(err)
		}
		if body := r.get("GET", "/metrics", nil).Body.String(); !strings.Contains(body, "carapace_ws_idle_closed_total 0\n") {
			t.Error("a client was closed because the gateway had slept")
		}
	})
}

// One that takes nothing at all is let go.
func TestAStuckLineIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("long", wire.ScopeRead, func(context.Context, rpc.None) (string, error) {
			return strings.Repeat("x", 1<<20), nil
		})))
		w := r.enter(nil)
		w.write(`{"type":"req","id":"1","method":"long"}`)
		time.Sleep(25 * time.Second) // the write that it has taken the beginning of is given another Limits.Write
		body := r.get("GET", "/metrics", nil).Body.String()
		if !strings.Contains(body, "carapace_ws_connections 0\n") {
			t.Error("it is still there")
		}
		_ = w.ws.CloseNow()
		r.stop()
	})
}

// slowLine takes perByte for each byte.
type slowLine struct {
	net.Conn
	perByte time.Duration
}

func (l *slowLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p[:min(len(p), 1<<10)])
	time.Sleep(time.Duration(n) * l.perByte)
	return n, err
}
