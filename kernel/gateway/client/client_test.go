package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// serve runs script as a gateway that has already said hello-ok to whoever connects.
func serve(t *testing.T, hello string, script func(ctx context.Context, ws *websocket.Conn, connect map[string]any)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ctx := r.Context()
		say(ctx, ws, `{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}`)
		var req map[string]any
		_, b, err := ws.Read(ctx)
		if err != nil || json.Unmarshal(b, &req) != nil {
			return
		}
		say(ctx, ws, hello)
		script(ctx, ws, req["params"].(map[string]any))
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func say(ctx context.Context, ws *websocket.Conn, s string) {
	_ = ws.Write(ctx, websocket.MessageText, []byte(s))
}

const hello = `{"type":"res","id":"connect","ok":true,"payload":{"type":"hello-ok","protocol":3,"server":{"version":"x","connId":"c"}}}`

func TestEventsReportLoss(t *testing.T) {
	url := serve(t, hello, func(ctx context.Context, ws *websocket.Conn, _ map[string]any) {
		for _, seq := range []string{"1", "2", "5", "6", "7", "8"} {
			say(ctx, ws, `{"type":"event","event":"e","seq":`+seq+`}`)
		}
		_ = ws.Close(1008, "enough")
	})
	c, err := client.Dial(t.Context(), client.Options{URL: url, EventBuffer: 2})
	if err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	var seqs, lost uint64
	for e := range c.Events() {
		seqs, lost = e.Seq, lost+e.Lost
	}
	// 3 and 4 were never sent; 1, 2, 5 and 6 gave way to later ones.
	if seqs != 8 || lost != 6 {
		t.Errorf("last seq %d, lost %d", seqs, lost)
	}
	if err := c.Err(); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "enough") {
		t.Errorf("Err = %v", err)
	}
	if err := c.Call(t.Context(), "x", nil, nil); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a call afterwards: %v", err)
	}
}

func TestCallsEndWithTheirContextOrTheConnection(t *testing.T) {
	got := make(chan string, 10)
	end := make(chan struct{})
	url := serve(t, hello, func(ctx context.Context, ws *websocket.Conn, _ map[string]any) {
		go func() { <-end; _ = ws.CloseNow() }()
		for {
			_, b, err := ws.Read(ctx)
			if err != nil {
				return
			}
			got <- string(b)
		}
	})
	c, err := client.Dial(t.Context(), client.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	if err := c.Call(ctx, "x", nil, nil); wit.CodeOf(err) != wit.CodeTimeout || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := c.Call(ctx, "x", nil, nil); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("cancelled before: %v", err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := c.Call(t.Context(), "x", nil, nil); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("the connection ended: %v", err)
			}
		})
	}
	for range 4 {
		<-got
	}
	close(end)
	wg.Wait()
	if err := c.Call(t.Context(), "x", func() {}, nil); err == nil {
		t.Error("parameters that are no JSON were sent")
	}
}

func TestDialSays(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	refusing := serve(t, `{"type":"res","id":"connect","ok":false,"error":{"code":"NOT_PAIRED","message":"pairing required","details":{"requestId":"r"}}}`, func(context.Context, *websocket.Conn, map[string]any) {})
	for _, tt := range []struct {
		url  string
		code wit.Code
		text string
	}{
		{"", wit.CodeInvalid, "no gateway address"},
		{"nonsense", wit.CodeInvalid, "no gateway address"},
		{"ws://" + ln.Addr().String(), wit.CodeUnavailable, "is it running?"},
		{web.URL, wit.CodeUnavailable, "404"},
		{refusing, wit.CodeUnauthorized, "pairing required"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := client.Dial(ctx, client.Options{URL: tt.url})
		cancel()
		if wit.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%q: %v (%s)", tt.url, err, wit.CodeOf(err))
		}
		var e *wire.Error
		if tt.url == refusing && (!errors.As(err, &e) || e.Code != wire.NotPaired || e.Details == nil) {
			t.Errorf("the gateway's error: %+v", e)
		}
	}
}

func TestIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "device.pem")
	seen := make(chan map[string]any, 2)
	url := serve(t, hello, func(_ context.Context, _ *websocket.Conn, p map[string]any) { seen <- p })
	dial := func() map[string]any {
		t.Helper()
		c, err := client.Dial(t.Context(), client.Options{URL: url, Identity: path, Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return (<-seen)["device"].(map[string]any)
	}
	a, b := dial(), dial()
	if a["id"] != b["id"] || a["nonce"] != "n" || a["signature"] == "" {
		t.Errorf("devices %v and %v", a, b)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Dial(t.Context(), client.Options{URL: url, Identity: path}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a damaged key: %v", err)
	}
}
