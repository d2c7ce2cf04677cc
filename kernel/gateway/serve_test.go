package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
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
	"github.com/carapace-gateway/carapace/wit"
)

type id struct {
	N int `json:"n"`
}

func echo(_ context.Context, in id) (id, error) { return in, nil }

// enter returns a raw connection after hello-ok.
func (r *rig) enter(change map[string]any) *raw {
	r.t.Helper()
	w := r.raw(nil)
	w.read()
	if s := w.connect(change); !strings.Contains(s, "hello-ok") {
		r.t.Fatalf("connect: %s", s)
	}
	return w
}

func TestRequestsStartInOrder(t *testing.T) {
	var mu sync.Mutex
	var order []int
	unhurried := limits(gateway.Limits{Handoff: time.Minute}) // none is overtaken because this machine is slow
	r := boot(t, unhurried, methods(rpc.New("note", wire.ScopeRead, func(_ context.Context, in id) (id, error) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, in.N)
		return in, nil
	})))
	w := r.enter(nil)
	go func() {
		for n := range 200 {
			w.write(fmt.Sprintf(`{"type":"req","id":"%d","method":"note","params":{"n":%d}}`, n, n))
		}
	}()
	for range 200 {
		if s := w.answer(); !strings.Contains(s, `"ok":true`) {
			t.Fatal(s)
		}
	}
	if !slices.IsSorted(order) || len(order) != 200 {
		t.Errorf("order = %v", order)
	}
}

func TestSlowRequestsHoldUpNobody(t *testing.T) {
	release := make(chan struct{})
	var running, most atomic.Int32
	r := boot(t, limits(gateway.Limits{InFlight: 8}), methods(
		rpc.New("slow", wire.ScopeRead, func(context.Context, rpc.None) (bool, error) {
			n := running.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			<-release
			running.Add(-1)
			return true, nil
		}),
		rpc.New("echo", wire.ScopeRead, echo),
	))
	c := r.connect(client.Options{})
	var wg sync.WaitGroup
	for range 7 {
		wg.Go(func() {
			if err := c.Call(t.Context(), "slow", nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for running.Load() < 7 {
		if err := c.Call(t.Context(), "echo", id{1}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		wg.Go(func() { _ = c.Call(t.Context(), "slow", nil, nil) })
	}
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	wg.Wait()
	if most.Load() > 8 {
		t.Errorf("%d requests ran at a time", most.Load())
	}
}

func TestTwoPhase(t *testing.T) {
	r := boot(t, methods(rpc.NewTwoPhase("agent", wire.ScopeWrite, func(_ context.Context, in id, accept func(any)) (any, error) {
		accept(map[string]any{"runId": "r", "status": "accepted"})
		accept("not sent twice")
		if in.N < 0 {
			return nil, wit.NewError(wit.CodeUnavailable, "no model")
		}
		return map[string]any{"runId": "r", "status": "ok"}, nil
	})))
	c := r.connect(client.Options{})
	var early, last map[string]any
	err := c.CallTwoPhase(t.Context(), "agent", id{1}, func(b json.RawMessage) { _ = json.Unmarshal(b, &early) }, &last)
	if err != nil || early["status"] != "accepted" || last["status"] != "ok" {
		t.Errorf("early %v, last %v, %v", early, last, err)
	}
	err = c.CallTwoPhase(t.Context(), "agent", id{-1}, nil, nil)
	if wit.CodeOf(err) != wit.CodeUnavailable || err.Error() != "no model" {
		t.Errorf("failing: %v", err)
	}
}

func TestErrorsReachTheClient(t *testing.T) {
	r := boot(t, methods(
		rpc.New("fail", wire.ScopeRead, func(context.Context, rpc.None) (any, error) {
			return nil, wit.NewError(wit.CodeNotFound, "no such thing")
		}),
		rpc.New("panic", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { panic("secret") }),
		rpc.New("uncoded", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return nil, errors.New("secret") }),
		rpc.New("unencodable", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return func() {}, nil }),
		rpc.New("huge", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return strings.Repeat("x", 9<<20), nil }),
		rpc.New("null", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return nil, nil }),
		rpc.New("echo", wire.ScopeRead, echo), rpc.New("write", wire.ScopeWrite, echo), rpc.New("node", wire.ScopeNode, echo),
	))
	for _, protocol := range []int{3, 4} {
		c := r.connect(client.Options{MinProtocol: protocol, MaxProtocol: protocol, Scopes: []wire.Scope{wire.ScopeRead}})
		forbidden := map[int]string{3: "INVALID_REQUEST", 4: "FORBIDDEN"}[protocol]
		for _, tt := range []struct {
			method string
			params any
			code   wit.Code
			wire   string
			text   string
		}{
			{"fail", nil, wit.CodeNotFound, "INVALID_REQUEST", "no such thing"},
			{"panic", nil, wit.CodeInternal, "UNAVAILABLE", "internal error"},
			{"uncoded", nil, wit.CodeInternal, "UNAVAILABLE", "internal error"},
			{"unencodable", nil, wit.CodeInternal, "UNAVAILABLE", "internal error"},
			{"nope", nil, wit.CodeInvalid, "INVALID_REQUEST", "unknown method: nope"},
			{"echo", map[string]any{"n": "x"}, wit.CodeInvalid, "INVALID_REQUEST", "invalid echo params: at /n: must be integer"},
			{"write", nil, wit.CodeForbidden, forbidden, "missing scope: operator.write"},
			{"node", nil, wit.CodeForbidden, forbidden, "unauthorized role: operator"},
			{"connect", nil, wit.CodeInvalid, "INVALID_REQUEST", "connect already completed"},
		} {
			err := c.Call(t.Context(), tt.method, tt.params, nil)
			var e *wire.Error
			if wit.CodeOf(err) != tt.code || err.Error() != tt.text || !errors.As(err, &e) || e.Code != tt.wire {
				t.Errorf("protocol %d: %s = %v (%s, %+v)", protocol, tt.method, err, wit.CodeOf(err), e)
			}
		}
		var got any = 1
		if err := c.Call(t.Context(), "null", nil, &got); err != nil || got != nil {
			t.Errorf("null = %v, %v", got, err)
		}
	}
	c := r.connect(client.Options{MaxProtocol: 3})
	if err := c.Call(t.Context(), "huge", nil, nil); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("huge: %v", err)
	}
}

func TestBadFramesAfterHello(t *testing.T) {
	r := boot(t, methods(rpc.New("echo", wire.ScopeRead, echo)))
	for _, tt := range []struct{ frame, want string }{
		{`hello`, "close 1008 invalid request frame: not a JSON object"},
		{`{"type":"req","method":"echo"}`, "close 1008 invalid request frame: at /id: must be a string that is not blank"},
		{strings.Repeat(`{"a":`, 40), "close 1008 JSON nesting depth exceeds maximum allowed depth of 32"},
		{`{"type":"req","id":"1"}`, `{"type":"res","id":"1","ok":false,"error":{"code":"INVALID_REQUEST","message":"invalid request frame: at /method: must be a string of 1 to 128 characters"}}`},
		{`{"type":"event","id":"1","event":"x"}`, `{"type":"res","id":"1","ok":false,"error":{"code":"INVALID_REQUEST","message":"invalid request frame: at /type: must be 'req'"}}`},
		{`{"type":"req","id":"1","method":"echo","params":{"n":3},"traceparent":"00"}`, `{"type":"res","id":"1","ok":true,"payload":{"n":3}}`},
	} {
		w := r.enter(nil)
		w.write(tt.frame)
		if got := w.answer(); got != tt.want {
			t.Errorf("%.40s\ngot  %s\nwant %s", tt.frame, got, tt.want)
		}
	}
	w := r.enter(nil)
	go func() { _ = w.ws.Write(t.Context(), 1, []byte(`{"x":"`+strings.Repeat("y", 512<<10)+`"}`)) }()
	if got := w.answer(); !strings.HasPrefix(got, "close 1009") && !strings.HasPrefix(got, "error") {
		t.Errorf("a frame above the policy: %s", got)
	}
	four := r.enter(map[string]any{"minProtocol": 4, "maxProtocol": 4, "scopes": []string{"operator.read"}})
	go func() {
		_ = four.ws.Write(t.Context(), 1, []byte(`{"type":"req","id":"big","method":"echo","params":{"n":1},"x":"`+strings.Repeat("y", 1<<20)+`"}`))
	}()
	if got := four.answer(); !strings.Contains(got, `"ok":true`) {
		t.Errorf("a megabyte in protocol 4: %.100s", got)
	}
}

func TestFloodsAreRefusedThenClosed(t *testing.T) {
	r := boot(t, limits(gateway.Limits{Rate: 1, Burst: 5}), methods(rpc.New("echo", wire.ScopeRead, echo)))
	w := r.enter(map[string]any{"scopes": []string{"operator.read"}})
	go func() {
		for n := range 20 {
			_ = w.ws.Write(context.Background(), 1, fmt.Appendf(nil, `{"type":"req","id":"%d","method":"echo"}`, n))
		}
	}()
	ok, refused, end := 0, 0, ""
	for end == "" {
		switch s := w.answer(); {
		case strings.Contains(s, `"ok":true`):
			ok++
		case strings.Contains(s, `"code":"RATE_LIMITED"`) && strings.Contains(s, `"retryAfterMs":`) && strings.Contains(s, `"retryable":true`):
			refused++
		default:
			end = s
		}
	}
	if ok != 5 || refused < 5 || end != "close 1008 rate limit exceeded" {
		t.Errorf("%d ok, %d refused, then %s", ok, refused, end)
	}
	// An admin on this machine is not limited.
	c := r.connect(client.Options{})
	for range 50 {
		if err := c.Call(t.Context(), "echo", id{1}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, limits(gateway.Limits{MaxConnections: 2}))
		a, _ := r.connect(client.Options{}), r.connect(client.Options{})
		_, res, err := r.upgrade("ws://localhost/ws", nil)
		if err == nil || res == nil || res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("the third: %v, %v", res, err)
		}
		a.Close()
		synctest.Wait()
		r.connect(client.Options{}).Close()
		r.stop()
	})
}

// Whatever happens meanwhile, hello-ok comes first, and nothing after its snapshot is missed.
func TestHelloComesBeforeEvents(t *testing.T) {
	kind := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
	r := boot(t, limits(gateway.Limits{MaxQueued: 1 << 24, MaxBuffered3: 1 << 30}))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				kind.Publish(r.bus, id{n})
				runtime.Gosched()
			}
		}
	}()
	for range 20 {
		w := r.raw(nil)
		w.read()
		w.write(strings.Replace(connectFrame, "TOKEN", token, 1))
		if got := w.read(); !strings.Contains(got, "hello-ok") {
			t.Fatalf("first came %s", got)
		}
		_ = w.ws.CloseNow()
	}
	close(stop)
	<-stopped
}

func TestEventsFollowScopes(t *testing.T) {
	read := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
	pairing := event.Kind[id]{Name: "device.pair.requested", Scope: wire.ScopePairing}
	none := event.Kind[id]{Name: "end", Scope: wire.ScopeNone}
	inside := event.Kind[id]{Name: "inside"}
	r := boot(t)
	clients := map[string]*client.Client{
		"read":    r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeRead}}),
		"write":   r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeWrite}}),
		"pairing": r.connect(client.Options{Scopes: []wire.Scope{wire.ScopePairing}}),
		"admin":   r.connect(client.Options{Scopes: []wire.Scope{wire.ScopeAdmin}}),
		"none":    r.connect(client.Options{Scopes: []wire.Scope{}}),
		"node":    r.connect(client.Options{Role: wire.RoleNode, MaxProtocol: 3}),
	}
	read.Publish(r.bus, id{1})
	pairing.Publish(r.bus, id{2})
	inside.Publish(r.bus, id{3})
	read.Publish(r.bus, id{4}, clients["read"].Hello().Server.ConnID, clients["none"].Hello().Server.ConnID, "nobody")
	none.Publish(r.bus, id{5})
	for name, want := range map[string]string{"read": "1 4 5", "write": "1 5", "pairing": "2 5", "admin": "1 2 5", "none": "5", "node": "5"} {
		var got []string
		var seq uint64
		for e := range clients[name].Events() {
			if e.Seq != seq+1 {
				t.Errorf("%s: seq %d after %d", name, e.Seq, seq)
			}
			seq = e.Seq
			var p id
			if e.Name == "presence" || e.Name == "health" {
				continue
			}
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(p.N))
			if e.Name == "end" {
				break
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s saw %v, want %s", name, got, want)
		}
	}
}

// counted is a payload that counts how often it is encoded.
type counted struct{ n *atomic.Int32 }

func (c counted) MarshalJSON() ([]byte, error) {
	c.n.Add(1)
	return []byte(`"x"`), nil
}

func TestAnEventIsEncodedOnceForAll(t *testing.T) {
	kind := event.Kind[counted]{Name: "chat", Scope: wire.ScopeRead}
	r := boot(t)
	var n atomic.Int32
	kind.Publish(r.bus, counted{&n})
	if n.Load() != 0 {
		t.Error("encoded for nobody")
	}
	clients := []*client.Client{r.connect(client.Options{}), r.connect(client.Options{}), r.connect(client.Options{})}
	kind.Publish(r.bus, counted{&n})
	for _, c := range clients {
		next(t, c, "chat")
	}
	if n.Load() != 1 {
		t.Errorf("encoded %d times", n.Load())
	}
}

func TestSlowConsumerIsClosed(t *testing.T) {
	kind := event.Kind[string]{Name: "chat", Scope: wire.ScopeRead}
	lossy := event.Kind[string]{Name: "tick", Scope: wire.ScopeRead, DropIfSlow: true}
	r := boot(t, limits(gateway.Limits{MaxQueued: 100, Write: time.Second}))
	slow := r.enter(nil)
	fast := r.connect(client.Options{EventBuffer: 1000})
	for n := range 90 {
		lossy.Publish(r.bus, fmt.Sprint(n)) // the slow one loses what is beyond half its bound
	}
	for n := range 150 {
		kind.Publish(r.bus, fmt.Sprint(n))
		if e := next(t, fast, "chat"); string(e.Payload) != fmt.Sprintf("%q", fmt.Sprint(n)) {
			t.Fatalf("the fast one got %s", e.Payload)
		}
	}
	var last string
	seqs, gap := uint64(0), false
	for !strings.HasPrefix(last, "close") && !strings.HasPrefix(last, "error") {
		last = slow.read()
		var e struct{ Seq uint64 }
		if json.Unmarshal([]byte(last), &e) == nil && e.Seq > 0 {
			gap = gap || e.Seq != seqs+1
			seqs = e.Seq
		}
	}
	if last != "close 1008 slow consumer" && !strings.HasPrefix(last, "error") {
		t.Errorf("the slow one: %s", last)
	}
	if !gap {
		t.Error("the slow one could not see its loss")
	}
}

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

func TestRevocationClosesConnections(t *testing.T) {
	r := boot(t)
	phone := r.connect(client.Options{Identity: t.TempDir() + "/key"})
	owner := r.connect(client.Options{})
	var list struct {
		Paired []struct {
			DeviceID string `json:"deviceId"`
		}
	}
	if err := owner.Call(t.Context(), "device.pair.list", nil, &list); err != nil || len(list.Paired) != 1 {
		t.Fatal(list, err)
	}
	if err := owner.Call(t.Context(), "device.token.revoke", map[string]string{"deviceId": list.Paired[0].DeviceID, "role": "operator"}, nil); err != nil {
		t.Fatal(err)
	}
	<-phone.Done()
	if err := phone.Err(); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("the phone's connection ended with %v", err)
	}
	if err := owner.Call(t.Context(), "health", nil, nil); err != nil {
		t.Errorf("the owner's connection: %v", err)
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	r := boot(t, methods(rpc.New("slow", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (string, error) {
		close(started)
		<-release
		return "done", ctx.Err()
	})))
	c := r.connect(client.Options{})
	answer := make(chan error, 1)
	var got string
	go func() { answer <- c.Call(context.Background(), "slow", nil, &got) }()
	<-started
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	if e := next(t, c, "shutdown"); !strings.Contains(string(e.Payload), `"reason"`) {
		t.Errorf("shutdown = %s", e.Payload)
	}
	if err := c.Call(t.Context(), "slow", nil, nil); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a request while stopping: %v", err)
	}
	close(release)
	if err := <-answer; err != nil || got != "done" {
		t.Errorf("the request that ran: %q, %v", got, err)
	}
	<-stopped
	<-c.Done()
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "gateway stopping") {
		t.Errorf("the connection ended with %v", err)
	}
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	r := boot(t, limits(gateway.Limits{Drain: 50 * time.Millisecond}), methods(rpc.New("stuck", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})))
	c := r.connect(client.Options{})
	go func() { _ = c.Call(context.Background(), "stuck", nil, nil) }()
	r.enter(nil) // reads nothing any more
	start := time.Now()
	r.stop()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestTwoGatewaysInOneProcess(t *testing.T) {
	kind := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
	a, b := boot(t), boot(t)
	ca, cb := a.connect(client.Options{}), b.connect(client.Options{})
	kind.Publish(a.bus, id{1})
	kind.Publish(b.bus, id{2})
	for c, want := range map[*client.Client]string{ca: `{"n":1}`, cb: `{"n":2}`} {
		if e := next(t, c, "chat"); string(e.Payload) != want {
			t.Errorf("got %s, want %s", e.Payload, want)
		}
	}
	a.stop()
	if err := cb.Call(t.Context(), "health", nil, nil); err != nil {
		t.Errorf("the other one after the first stopped: %v", err)
	}
}

func TestDisconnectCancelsRequests(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	r := boot(t, methods(rpc.New("wait", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (string, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return "", ctx.Err()
	})))
	c := r.connect(client.Options{})
	go func() { _ = c.Call(context.Background(), "wait", nil, nil) }()
	<-started
	c.Close()
	<-ended
}
