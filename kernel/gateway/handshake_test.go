package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/coder/websocket"
	"github.com/hashicorp/go-hclog"
)

// raw is a WebSocket that speaks by hand.
type raw struct {
	t  testing.TB
	ws *websocket.Conn
}

func (r *rig) raw(header http.Header) *raw {
	r.t.Helper()
	ws, _, err := r.upgrade("ws://localhost/ws", header)
	if err != nil {
		r.t.Fatal(err)
	}
	return &raw{r.t, ws}
}

func (r *rig) upgrade(url string, header http.Header) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: r.mem.Dial, DisableKeepAlives: true}}, HTTPHeader: header,
	})
	if err == nil {
		ws.SetReadLimit(64 << 20)
		r.t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, res, err
}

func (w *raw) write(s string) {
	w.t.Helper()
	if err := w.ws.Write(context.Background(), websocket.MessageText, []byte(s)); err != nil {
		w.t.Fatal(err)
	}
}

// read returns the next frame, or the close as "close code reason".
func (w *raw) read() string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, b, err := w.ws.Read(ctx)
	var e websocket.CloseError
	switch {
	case errors.As(err, &e):
		return strings.TrimSpace(fmt.Sprintf("close %d %s", e.Code, e.Reason))
	case err != nil:
		return "error " + err.Error()
	}
	return string(b)
}

// answer skips events.
func (w *raw) answer() string {
	for {
		s := w.read()
		if !strings.HasPrefix(s, `{"type":"event"`) {
			return s
		}
	}
}

// connect sends a connect request with these params over a valid default and returns the answer.
func (w *raw) connect(change map[string]any) string {
	w.t.Helper()
	p := map[string]any{
		"minProtocol": 3, "maxProtocol": 3, "client": map[string]any{"id": "cli", "version": "1", "platform": "linux", "mode": "cli"},
		"auth": map[string]any{"token": token},
	}
	for k, v := range change {
		if p[k] = v; v == nil {
			delete(p, k)
		}
	}
	b, err := json.Marshal(map[string]any{"type": "req", "id": "c", "method": "connect", "params": p})
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(string(b))
	return w.answer()
}

func failure(code, message, details string) string {
	if details != "" {
		details = `,"details":` + details
	}
	return fmt.Sprintf(`{"type":"res","id":"c","ok":false,"error":{"code":%q,"message":%q%s}}`, code, message, details)
}

// TestHandshakeTranscripts holds what a client reads after its first frame: the answer and the close.
func TestHandshakeTranscripts(t *testing.T) {
	client := func(k string, v any) map[string]any {
		c := map[string]any{"id": "cli", "version": "1", "platform": "linux", "mode": "cli", k: v}
		if v == nil {
			delete(c, k)
		}
		return map[string]any{"client": c}
	}
	both := func(a, b map[string]any) map[string]any {
		for k, v := range b {
			a[k] = v
		}
		return a
	}
	four := map[string]any{"minProtocol": 4, "maxProtocol": 4}
	tests := []struct {
		name   string
		first  string         // a frame, or
		params map[string]any // connect's
		want   string
		close  string
	}{
		{name: "not JSON", first: "hello", want: "close 1000"},
		{name: "not connect", first: `{"type":"req","id":"c","method":"health"}`, want: failure("INVALID_REQUEST", "invalid handshake: first request must be connect", ""), close: "close 1008 invalid handshake: first request must be connect"},
		{name: "not a request", first: `{"type":"event","id":"c","event":"x"}`, want: failure("INVALID_REQUEST", "invalid handshake: first request must be connect", ""), close: "close 1008 invalid handshake: first request must be connect"},
		{name: "no id", first: `{"type":"req","method":"connect"}`, want: "close 1008 invalid request frame: at /id: must be a string that is not blank"},
		{name: "deep", first: strings.Repeat("[", 40) + strings.Repeat("]", 40), want: "close 1008 JSON nesting depth exceeds maximum allowed depth of 32"},
		{name: "no params", first: `{"type":"req","id":"c","method":"connect"}`, want: failure("INVALID_REQUEST", "invalid connect params: must have required property 'minProtocol'; must have required property 'maxProtocol'; must have required property 'client'", ""),
			close: "close 1008 invalid connect params: must have required property 'minProtocol'; must have required property 'maxProtocol'; must have req"},
		{name: "unknown client", params: client("id", "nope"), want: failure("INVALID_REQUEST", "invalid connect params: at /client/id: must be the id of a known client", ""), close: "close 1008 invalid connect params: at /client/id: must be the id of a known client"},
		{name: "unknown mode", params: client("mode", "x"), want: failure("INVALID_REQUEST", "invalid connect params: at /client/mode: must be one of webchat, cli, ui, backend, node, worker, probe, test", ""), close: "close 1008 invalid connect params: at /client/mode: must be one of webchat, cli, ui, backend, node, worker, probe, test"},
		{name: "extra field", params: map[string]any{"foo": 1}, want: failure("INVALID_REQUEST", "invalid connect params: at root: unexpected property 'foo'", ""), close: "close 1008 invalid connect params: at root: unexpected property 'foo'"},
		{name: "no version", params: client("version", nil), want: failure("INVALID_REQUEST", "invalid connect params: at /client: must have required property 'version'", ""), close: "close 1008 invalid connect params: at /client: must have required property 'version'"},
		{name: "old protocol", params: map[string]any{"minProtocol": 1, "maxProtocol": 2}, want: failure("INVALID_REQUEST", "protocol mismatch", `{"clientMaxProtocol":2,"clientMinProtocol":1,"code":"PROTOCOL_MISMATCH","expectedProtocol":3,"minimumProbeProtocol":3}`), close: "close 1002 protocol mismatch"},
		{name: "new protocol", params: map[string]any{"minProtocol": 5, "maxProtocol": 9}, want: failure("INVALID_REQUEST", "protocol mismatch", `{"clientMaxProtocol":9,"clientMinProtocol":5,"code":"PROTOCOL_MISMATCH","expectedProtocol":4,"minimumProbeProtocol":3}`), close: "close 1002 protocol mismatch"},
		{name: "role", params: map[string]any{"role": "foo"}, want: failure("INVALID_REQUEST", "invalid role", ""), close: "close 1008 invalid role"},
		{name: "wrong token, 3", params: map[string]any{"auth": map[string]any{"token": "x"}}, want: failure("INVALID_REQUEST", "unauthorized: gateway token mismatch (pass the gateway's token)", `{"code":"AUTH_TOKEN_MISMATCH"}`), close: "close 1008 unauthorized: gateway token mismatch (pass the gateway's token)"},
		{name: "wrong token, 4", params: both(map[string]any{"auth": map[string]any{"token": "x"}}, four), want: failure("INVALID_REQUEST", "unauthorized: gateway token mismatch (pass the gateway's token)", `{"authReason":"token_mismatch","canRetryWithDeviceToken":false,"code":"AUTH_TOKEN_MISMATCH","recommendedNextStep":"update_auth_credentials"}`), close: "close 1008 unauthorized: gateway token mismatch (pass the gateway's token)"},
		{name: "nothing to show", params: map[string]any{"auth": nil}, want: failure("NOT_PAIRED", "device identity required", `{"code":"DEVICE_IDENTITY_REQUIRED"}`), close: "close 1008 device identity required"},
		{name: "node, which nothing here is for", params: map[string]any{"role": "node"}, want: failure("INVALID_REQUEST", "invalid role: this gateway has nothing for nodes", ""), close: "close 1008 invalid role: this gateway has nothing for nodes"},
		{name: "control page without device", params: client("id", "openclaw-control-ui"), want: failure("INVALID_REQUEST", "control ui requires HTTPS or localhost (secure context)", `{"code":"CONTROL_UI_DEVICE_IDENTITY_REQUIRED"}`), close: "close 1008 control ui requires HTTPS or localhost (secure context)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := boot(t).raw(nil)
			if got := w.read(); !strings.HasPrefix(got, `{"type":"event","event":"connect.challenge","payload":{"nonce":"`) || strings.Contains(got, `"seq"`) {
				t.Fatalf("challenge = %s", got)
			}
			var got string
			if tt.first != "" {
				w.write(tt.first)
				got = w.answer()
			} else {
				got = w.connect(tt.params)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if tt.close != "" {
				if got := w.read(); got != tt.close {
					t.Errorf("then %s\nwant %s", got, tt.close)
				}
			}
		})
	}
}

// A gateway with a method for nodes lets them in, in protocol 4 with a device only.
func TestNodesWhereTheyAreServed(t *testing.T) {
	r := boot(t, methods(rpc.New("node.event", wire.ScopeNode, echo)))
	if w := r.enter(map[string]any{"role": "node"}); w == nil {
		t.Error("protocol 3")
	}
	w := r.raw(nil)
	w.read()
	want := failure("NOT_PAIRED", "device identity required", `{"code":"DEVICE_IDENTITY_REQUIRED"}`)
	if got := w.connect(map[string]any{"role": "node", "minProtocol": 4, "maxProtocol": 4}); got != want {
		t.Errorf("protocol 4 without a device: %s", got)
	}
}

// TestHelloShowsTheState to who may read, and an empty one to others and where there is none.
func TestHelloShowsTheState(t *testing.T) {
	nothing := func(_ *authDeps, g *gateway.Deps) {
		g.Snapshot = func(context.Context) gateway.Snapshot { return gateway.Snapshot{} }
	}
	for _, tt := range []struct {
		name   string
		rig    *rig
		scopes []string
		want   string
	}{
		{"reader", boot(t), []string{"operator.read"}, `"health":{"ok":true}`},
		{"pairer", boot(t), []string{"operator.pairing"}, `"health":{}`},
		{"no state", boot(t, nothing), []string{"operator.read"}, `"health":{}`},
	} {
		w := tt.rig.raw(nil)
		w.read()
		if got := w.connect(map[string]any{"scopes": tt.scopes, "minProtocol": 4, "maxProtocol": 4}); !strings.Contains(got, tt.want) || !strings.Contains(got, `"attachments":{"maxBytes":19611648,`) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestAStoreThatFailsIsLogged, and the client is told no more than that.
func TestAStoreThatFailsIsLogged(t *testing.T) {
	var log logstest.Buffer
	r := boot(t, func(a *authDeps, g *gateway.Deps) {
		a.Store = broken{a.Store}
		g.Logger = hclog.New(&hclog.LoggerOptions{Output: &log})
	})
	if _, err := r.dial(client.Options{Token: "wrong"}); err == nil {
		t.Error("let in")
	}
	if strings.Contains(log.String(), "connect failed") {
		t.Errorf("a wrong token is no fault of the gateway's: %s", log.String())
	}
	_, err := r.dial(client.Options{Token: token, Identity: t.TempDir() + "/key"})
	if err == nil || strings.Contains(err.Error(), "page 7") || !strings.Contains(log.String(), "connect failed") || !strings.Contains(log.String(), "page 7") {
		t.Errorf("%v; the log: %s", err, log.String())
	}
}

// broken is a store with a fault that nobody outside is to be told of.
type broken struct{ store.Store }

func (broken) View(context.Context, func(store.Tx) error) error { return errors.New("page 7 is torn") }

func TestHelloOK(t *testing.T) {
	type hello struct {
		Payload map[string]json.RawMessage `json:"payload"`
	}
	get := func(r *rig, params map[string]any) map[string]json.RawMessage {
		t.Helper()
		w := r.raw(nil)
		w.read()
		var h hello
		if s := w.connect(params); json.Unmarshal([]byte(s), &h) != nil || h.Payload == nil {
			t.Fatalf("answer = %s", s)
		}
		return h.Payload
	}
	keys := func(raw json.RawMessage) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(m) // sorts
		var names []string
		d := json.NewDecoder(strings.NewReader(string(b)))
		_, _ = d.Token()
		for d.More() {
			k, _ := d.Token()
			names = append(names, k.(string))
			var skip json.RawMessage
			_ = d.Decode(&skip)
		}
		return strings.Join(names, " ")
	}
	r := boot(t, func(_ *authDeps, g *gateway.Deps) { g.Capabilities = []string{"something"} })
	three := get(r, nil)
	four := get(r, map[string]any{"minProtocol": 1, "maxProtocol": 9, "scopes": []string{"operator.read"}})
	for _, tt := range []struct{ what, got, want string }{
		{"3", keys(must(json.Marshal(three))), "features policy protocol server snapshot type"},
		{"3 protocol", string(three["protocol"]), "3"},
		{"3 server", keys(three["server"]), "connId host version"},
		{"3 snapshot", keys(three["snapshot"]), "health presence stateDir stateVersion uptimeMs"},
		{"3 policy", string(three["policy"]), `{"maxPayload":524288,"maxBufferedBytes":1572864,"tickIntervalMs":30000}`},
		{"3 features", string(three["features"]), `{"methods":["device.pair.approve","device.pair.list","device.pair.reject","device.pair.remove","device.pair.rename","device.pair.setupCode","device.pair.setupStatus","device.token.revoke","device.token.rotate","health","system-presence"],` +
			`"events":["connect.challenge","presence","tick","health","shutdown","device.pair.requested","device.pair.resolved","device.pair.changed","device.pair.setup.completed"]}`},
		{"4", keys(must(json.Marshal(four))), "auth features pluginSurfaceUrls policy protocol server snapshot type"},
		{"4 protocol", string(four["protocol"]), "4"},
		{"4 server", keys(four["server"]), "bootId connId version"},
		{"4 capabilities", regexp.MustCompile(`"capabilities":.*\]`).FindString(string(four["features"])), `"capabilities":["something"]`},
		{"4 auth", string(four["auth"]), `{"method":"token","role":"operator","scopes":["operator.read"]}`},
		{"4 snapshot", keys(four["snapshot"]), "authMode health presence stateVersion uptimeMs"},
		{"4 policy", keys(four["policy"]), "attachments maxBufferedBytes maxPayload tickIntervalMs"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.what, tt.got, tt.want)
		}
	}
	// Whoever may not read sees neither health nor people.
	blind := get(r, map[string]any{"scopes": []string{"operator.pairing"}})
	var s struct {
		Presence []any          `json:"presence"`
		Health   map[string]any `json:"health"`
	}
	if err := json.Unmarshal(blind["snapshot"], &s); err != nil || len(s.Presence) != 0 || len(s.Health) != 0 || s.Presence == nil || s.Health == nil {
		t.Errorf("snapshot = %s, %v", blind["snapshot"], err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestBinaryAndGiantFirstFrames(t *testing.T) {
	r := boot(t)
	w := r.raw(nil)
	w.read()
	if err := w.ws.Write(t.Context(), websocket.MessageBinary, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if got := w.read(); got != "close 1003 binary messages not supported" {
		t.Errorf("binary: %s", got)
	}
	w = r.raw(nil)
	w.read()
	w.write(strings.Replace(connectFrame, "TOKEN", token+"\xff", 1))
	if got := w.read(); got != "close 1007 text that is not UTF-8" {
		t.Errorf("not UTF-8: %s", got)
	}
	w = r.raw(nil)
	w.read()
	go func() {
		_ = w.ws.Write(t.Context(), websocket.MessageText, []byte(`{"x":"`+strings.Repeat("y", 65<<10)+`"}`))
	}()
	if got := w.read(); got != "close 1009 a message must not have more than 65536 bytes" {
		t.Errorf("giant: %s", got)
	}
	w = r.raw(nil)
	w.read()
	w.write(connectFrame[:len(connectFrame)-1] + strings.Repeat(" ", 64<<10-len(connectFrame)) + "}") // all that may be
	w.read()
	held := func() bool {
		return !strings.Contains(r.get("GET", "/metrics", nil).Body.String(), "carapace_ws_memory_bytes 0\n")
	}
	for began := time.Now(); held(); { // it is given back behind the answer
		if time.Since(began) > 10*time.Second {
			t.Fatal("memory is held for a handshake that has ended")
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		w := r.raw(nil)
		w.read()
		start := time.Now()
		if got := w.read(); got != "close 1000" {
			t.Errorf("got %s", got)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
		r.stop()
	})
}

func TestOrigins(t *testing.T) {
	origins := func(g *gateway.Deps) {
		g.Origins, g.Hosts = []string{"https://chat.example.org"}, []string{"gw.example.org"}
	}
	tests := []struct {
		host, origin string
		ok           bool
	}{
		{"localhost:18789", "", true},
		{"localhost:18789", "http://localhost:18789", true},
		{"localhost:18789", "http://localhost:5173", false}, // another program's page on this machine
		{"localhost:18789", "http://localhost", false},
		{"localhost:18789", "https://localhost", false},
		{"localhost:18789", "http://127.0.0.1:18789", false},
		{"[::1]:18789", "http://[::1]:18789", true},
		{"gw.example.org", "http://gw.example.org:80", true},
		{"gw.example.org", "https://gw.example.org:443", true},
		{"gw.example.org:443", "https://gw.example.org", true},
		{"gw.example.org:8443", "https://gw.example.org:8443", true},
		{"GW.example.org", "https://gw.EXAMPLE.org", true},
		{"gw.example.org", "https://gw.example.org:8443", false},
		{"gw.example.org:8443", "https://gw.example.org", false},
		{"gw.example.org", "https://evil@gw.example.org", false},
		{"gw.example.org.evil.example.org", "https://gw.example.org.evil.example.org", false},
		{"192.168.1.5:18789", "http://192.168.1.5:18789", true},
		{"gw.example.org", "https://gw.example.org", true},
		{"localhost:18789", "https://chat.example.org", true},
		{"localhost:18789", "https://evil.example.org", false},
		{"evil.example.org:18789", "http://evil.example.org:18789", false}, // a name given to this machine's address
		{"localhost:18789", "null", false},
		{"localhost:18789", "http://localhost:18789%zz", false},
		{"localhost:18789", "ftp://localhost:18789", false},
		{"localhost:18789", "chrome-extension://localhost:18789", false},
		{"gw.example.org", "file://gw.example.org", false},
		{"localhost:18789", "chrome-extension://abc", false},
		{"localhost:18789", "http://localhost.evil.example.org", false},
	}
	for _, tt := range tests {
		t.Run(tt.host+" "+tt.origin, func(t *testing.T) {
			r := boot(t, func(_ *authDeps, g *gateway.Deps) { origins(g) })
			header := http.Header{}
			if tt.origin != "" {
				header.Set("Origin", tt.origin)
			}
			_, res, err := r.upgrade("ws://"+tt.host+"/ws", header)
			if (err == nil) != tt.ok {
				t.Errorf("err = %v", err)
			}
			if err != nil && (res == nil || res.StatusCode != http.StatusForbidden) {
				t.Errorf("refused with %v, %v", res, err)
			}
		})
	}
}

func TestUpgradeOnRoot(t *testing.T) {
	ws, _, err := boot(t).upgrade("ws://localhost/", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &raw{t, ws}
	if got := w.read(); !strings.Contains(got, "connect.challenge") {
		t.Errorf("got %s", got)
	}
}

// A peer that came through a proxy is not this machine: it pairs like a stranger.
func TestForwardedIsNotLocal(t *testing.T) {
	r := boot(t)
	w := r.raw(http.Header{"X-Forwarded-For": {"203.0.113.5"}})
	w.read()
	got := w.connect(map[string]any{"device": map[string]any{"id": "x", "publicKey": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "signature": "x", "signedAt": time.Now().UnixMilli()}})
	if !strings.Contains(got, "device identity mismatch") {
		t.Errorf("got %s", got)
	}
	w = r.raw(http.Header{"X-Forwarded-For": {"203.0.113.5"}})
	w.read()
	got = w.connect(map[string]any{"device": map[string]any{
		"id": "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c", "publicKey": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "signature": "x", "signedAt": time.Now().UnixMilli(),
	}})
	if !strings.Contains(got, "device nonce required") {
		t.Errorf("got %s", got)
	}
}

func TestStopClosesHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		w := r.raw(nil)
		w.read()
		start, reads := time.Now(), make(chan string)
		go func() { reads <- w.read() }()
		r.stop()
		if took := time.Since(start); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if got := <-reads; got != "close 1012 gateway stopping" {
			t.Errorf("the client reads %s", got)
		}
	})
}
