package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
	"github.com/hashicorp/go-hclog"
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
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// TestARequestThatYieldsHoldsUpNobody: the next one begins at once, and one only, however often and late it yields.
func TestARequestThatYieldsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 100
		began, release := make(chan int, many), make(chan struct{})
		var late []context.Context
		var mu sync.Mutex
		r := boot(t, limits(gateway.Limits{Handoff: time.Minute}), methods(
			rpc.New("wait", wire.ScopeRead, func(ctx context.Context, in id) (id, error) {
				began <- in.N
				mu.Lock()
				late = append(late, ctx)
				mu.Unlock()
				rpc.Yield(ctx)
				rpc.Yield(ctx)
				<-release
				return in, nil
			}),
			rpc.New("note", wire.ScopeRead, func(_ context.Context, in id) (id, error) {
				mu.Lock()
				defer mu.Unlock()
				for _, ctx := range late {
					rpc.Yield(ctx)
				}
				return in, nil
			}),
		))
		w := r.enter(nil)
		begin := time.Now()
		go func() {
			for n := range many {
				w.write(fmt.Sprintf(`{"type":"req","id":"%d","method":"wait","params":{"n":%d}}`, n, n))
			}
		}()
		for n := range many {
			if got := <-began; got != n {
				t.Fatalf("request %d began instead of %d", got, n)
			}
		}
		close(release)
		for range many {
			if s := w.answer(); !strings.Contains(s, `"ok":true`) {
				t.Fatal(s)
			}
		}
		go func() {
			for n := range many {
				w.write(fmt.Sprintf(`{"type":"req","id":"%d","method":"note","params":{"n":%d}}`, n, n))
			}
		}()
		for range many {
			if s := w.answer(); !strings.Contains(s, `"ok":true`) {
				t.Fatal(s)
			}
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("a request was held up: %v", took)
		}
	})
}

func TestSlowRequestsHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// TestOneOfACrowdGetsNoMore: on a crowded machine few of one client's requests run at a time; those that only wait for others are
// not among them. All are answered in the end.
func TestOneOfACrowdGetsNoMore(t *testing.T) {
	for name, tt := range map[string]struct {
		crowded, yields bool
		least, most     int32
	}{
		"calm": {false, false, 100, 100}, "crowded": {true, false, 4, 12}, "crowded, by those that wait": {true, true, 100, 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			const many = 100
			var running atomic.Int32
			release := make(chan struct{})
			r := boot(t, func(_ *authDeps, d *gateway.Deps) { d.Crowded = func() bool { return tt.crowded } }, methods(
				rpc.New("work", wire.ScopeRead, func(ctx context.Context, in id) (id, error) {
					running.Add(1)
					if tt.yields {
						rpc.Yield(ctx)
					}
					<-release
					return in, nil
				})))
			w := r.enter(nil)
			go func() {
				for n := range many {
					w.write(fmt.Sprintf(`{"type":"req","id":"%d","method":"work","params":{"n":%d}}`, n, n))
				}
			}()
			time.Sleep(500 * time.Millisecond)
			if n := running.Load(); n < tt.least || n > tt.most {
				t.Errorf("%s: %d requests run after half a second, want %d to %d", name, n, tt.least, tt.most)
			}
			close(release)
			for range many {
				if s := w.answer(); !strings.Contains(s, `"ok":true`) {
					t.Fatalf("%s: %s", name, s)
				}
			}
		})
	}
}

// TestClientsShareMemory: while clients leave their answers unread, those have taken what all clients may hold, and not more; one who
// reads gets his answers, and a long request is told when to come back.
func TestClientsShareMemory(t *testing.T) {
	const answer, most, many = 100 << 10, 512 << 10, 100
	r := boot(t, limits(gateway.Limits{Memory: most, Write: time.Minute}), methods(
		rpc.New("long", wire.ScopeRead, func(context.Context, rpc.None) (string, error) { return strings.Repeat("x", answer), nil }),
		rpc.New("echo", wire.ScopeRead, func(_ context.Context, in string) (string, error) { return in, nil }),
	))
	held := func() int {
		for line := range strings.Lines(r.get("GET", "/metrics", nil).Body.String()) {
			var n float64
			if _, err := fmt.Sscanf(line, "carapace_ws_memory_bytes %g", &n); err == nil {
				return int(n)
			}
		}
		t.Fatal("no such metric")
		return 0
	}
	var unread []*raw
	for range 5 {
		w := r.enter(nil)
		unread = append(unread, w)
		go func() {
			for n := range many {
				w.write(fmt.Sprintf(`{"type":"req","id":"%d","method":"long"}`, n))
			}
		}()
	}
	reader := r.connect(client.Options{})
	for held() < most {
		if err := reader.Call(t.Context(), "long", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		if err := reader.Call(t.Context(), "long", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := held(); n > most+len(unread)*(answer+100) {
		t.Errorf("%d bytes are held, of %d", n, most)
	}
	text := strings.Repeat("y", 300<<10)
	var refused *wire.Error
	err := reader.Call(t.Context(), "echo", text, nil)
	if !errors.As(err, &refused) || refused.Code != wire.Unavailable || refused.RetryAfterMs == nil {
		t.Errorf("a long request: %v", err)
	}
	for _, w := range unread {
		for range many {
			if s := w.answer(); !strings.Contains(s, `"ok":true`) {
				t.Fatal(s)
			}
		}
	}
	var echoed string
	if err := reader.Call(t.Context(), "echo", text, &echoed); err != nil || echoed != text {
		t.Errorf("the long request again: %d bytes, %v", len(echoed), err)
	}
	for held() != 0 {
		runtime.Gosched()
	}
}

func TestTwoPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

func TestErrorsReachTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}

// What is the gateway's fault is in its log with what happened, and what is the client's is not.
func TestFaultsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logstest.Buffer
		r := boot(t, func(_ *authDeps, d *gateway.Deps) { d.Logger = hclog.New(&hclog.LoggerOptions{Output: &log}) }, methods(
			rpc.New("panic", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { panic("oh") }),
			rpc.New("uncoded", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return nil, errors.New("broken pipe") }),
			rpc.New("wrong", wire.ScopeRead, func(context.Context, rpc.None) (any, error) { return nil, wit.NewError(wit.CodeNotFound, "nowhere") }),
		))
		c := r.connect(client.Options{})
		for _, method := range []string{"panic", "uncoded", "wrong"} {
			if err := c.Call(t.Context(), method, nil, nil); err == nil {
				t.Errorf("%s succeeded", method)
			}
		}
		for text, times := range map[string]int{"method panicked: method=panic panic=oh": 1, "conn_test.go": 1, "broken pipe": 1, "nowhere": 0} {
			if got := strings.Count(log.String(), text); (got > 0) != (times > 0) {
				t.Errorf("%q stands %d times in\n%s", text, got, log.String())
			}
		}
	})
}

func TestBadFramesAfterHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("echo", wire.ScopeRead, echo)))
		longest := `{"type":"req","id":"1","method":"echo","params":{"n":3},"x":"`
		longest += strings.Repeat("y", 512<<10-len(longest)-len(`"}`)) + `"}`
		for _, tt := range []struct{ frame, want string }{
			{longest, `{"type":"res","id":"1","ok":true,"payload":{"n":3}}`},
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
		four := r.enter(map[string]any{"minProtocol": 4, "maxProtocol": 4, "scopes": []string{"operator.read"}})
		go func() {
			_ = four.ws.Write(t.Context(), 1, []byte(`{"type":"req","id":"big","method":"echo","params":{"n":1},"x":"`+strings.Repeat("y", 1<<20)+`"}`))
		}()
		if got := four.answer(); !strings.Contains(got, `"ok":true`) {
			t.Errorf("a megabyte in protocol 4: %.100s", got)
		}
	})
}

// TestRefusedRequestsCostTheRequestAlone: what can be answered is, and the connection goes on.
func TestRefusedRequestsCostTheRequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t, methods(rpc.New("echo", wire.ScopeRead, echo)))
		w := r.enter(nil)
		long := strings.Repeat("x", 257)
		for _, tt := range []struct{ frame, id, message string }{
			{`{"type":"req","id":"` + long + `","method":"echo"}`, long, "invalid request frame: at /id: must NOT have more than 256 characters"},
			{`{"type":"req","id":"big","method":"echo","params":{"x":"` + strings.Repeat("y", 512<<10) + `"}}`, "big", "a request must not have more than 524288 bytes"},
			{`{"type":"req","id":"huge","method":"echo","params":{"x":"` + strings.Repeat("y", 8<<20) + `"}}`, "huge", "a request must not have more than 524288 bytes"},
		} {
			go func() { _ = w.ws.Write(context.Background(), websocket.MessageText, []byte(tt.frame)) }()
			var got struct {
				ID    string
				Error wire.Error
			}
			s := w.answer()
			if err := json.Unmarshal([]byte(s), &got); err != nil || got.ID != tt.id || got.Error.Message != tt.message {
				t.Fatalf("%.60s: got %.300s", tt.frame, s)
			}
			w.write(`{"type":"req","id":"1","method":"echo","params":{"n":3}}`)
			if s := w.answer(); !strings.Contains(s, `"ok":true`) {
				t.Errorf("the next one: %s", s)
			}
		}
	})
}

// TestWhatIsNoRequestEndsTheConnection: the client is told why, in a close frame, however busy it is.
func TestWhatIsNoRequestEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := make(chan struct{}, 1000)
		unhurried := limits(gateway.Limits{Handoff: time.Minute}) // each is answered before the next is read
		r := boot(t, unhurried, methods(rpc.New("echo", wire.ScopeRead, func(_ context.Context, in id) (id, error) {
			if in.N == 0 {
				ran <- struct{}{}
			}
			return in, nil
		})))
		const bad = `{"type":"req","id":"1","method":"echo","params":{"n":0}, "x":"` + "\xff" + `"}`
		for range 20 { // the order of goroutines must not matter
			for _, tt := range []struct {
				name, body, want string
				kind             websocket.MessageType
			}{
				{"binary", bad, "close 1003 binary messages not supported", websocket.MessageBinary},
				{"not UTF-8", bad, "close 1007 text that is not UTF-8", websocket.MessageText},
				{"long, without an id", `{"params":"` + strings.Repeat("y", 512<<10) + `","id":"1"}`, "close 1009 a message must not have more than 524288 bytes", websocket.MessageText},
			} {
				w := r.enter(nil)
				go func() {
					ctx := context.Background()
					_ = w.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"req","id":"0","method":"echo","params":{"n":1}}`))
					_ = w.ws.Write(ctx, tt.kind, []byte(tt.body))
					_ = w.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"req","id":"2","method":"echo","params":{"n":0}}`))
				}()
				if got := w.answer(); !strings.Contains(got, `"id":"0","ok":true`) {
					t.Fatalf("%s: before it %s", tt.name, got)
				}
				if got := w.answer(); got != tt.want {
					t.Fatalf("%s: got %s, want %s", tt.name, got, tt.want)
				}
			}
		}
		if len(ran) > 0 {
			t.Error("what came in or behind a bad message was executed")
		}
	})
}

// TestFloodsAreRefusedThenClosed runs on a clock of its own: on a busy machine a request could outlast the
// hand-off to the next, and its answer the connection.
func TestFloodsAreRefusedThenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		synctest.Wait()
		if body := r.get("GET", "/metrics", nil).Body.String(); !strings.Contains(body, "carapace_ws_connections 0\n") {
			t.Error("it is still there")
		}
		// An admin on this machine is not limited.
		c := r.connect(client.Options{})
		for range 50 {
			if err := c.Call(t.Context(), "echo", id{1}, nil); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		r.stop()
	})
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
		for range 5 { // what becomes no connection takes no place
			if w := r.get("GET", "/ws", nil); w.Code != 426 {
				t.Errorf("no upgrade: %d", w.Code)
			}
		}
		r.connect(client.Options{}).Close()
		r.stop()
	})
}

// TestTheEndIsNoRequest: of a connection that has ended nothing is answered or counted any more.
func TestTheEndIsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		for range 30 {
			c := r.connect(client.Options{})
			c.Close()
			synctest.Wait()
		}
		body := r.get("GET", "/metrics", nil).Body.String()
		if !strings.Contains(body, "carapace_request_seconds_count 0\n") || !strings.Contains(body, "carapace_ws_connections 0\n") {
			t.Errorf("after 30 that asked for nothing:\n%s", body)
		}
	})
}

func TestDisconnectCancelsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
	})
}
