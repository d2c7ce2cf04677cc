package kernel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/wit"
)

// TestBadFramesEndOnlyTheirConnection: whatever a peer sends, it gets a clear answer or is cut off, and
// everybody else is served.
func TestBadFramesEndOnlyTheirConnection(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	for name, frame := range map[string]string{
		"no JSON":             `hello?`,
		"no object":           `[1,2,3]`,
		"no type":             `{"id":"1"}`,
		"not connect":         `{"type":"req","id":"1","method":"health"}`,
		"connect of nonsense": `{"type":"req","id":"1","method":"connect","params":{"minProtocol":"three"}}`,
		"a future protocol":   `{"type":"req","id":"1","method":"connect","params":{"minProtocol":90,"maxProtocol":99,"client":{"id":"cli","version":"1","platform":"x","mode":"cli"}}}`,
		"deep":                `{"type":"req","id":"1","method":"connect","params":` + strings.Repeat(`{"a":`, 5000) + `1` + strings.Repeat(`}`, 5000) + `}`,
		"huge":                `{"type":"req","id":"` + strings.Repeat("x", 100_000) + `"}`,
		"bad UTF-8":           "{\"type\":\"req\",\"id\":\"\xff\"}",
	} {
		if answer := converse(t, k, frame); strings.Contains(answer, "hello-ok") || strings.Contains(answer, "panic") {
			t.Errorf("%s: %s", name, answer)
		}
	}
	for method, params := range map[string]string{
		"chat.send":       `{"sessionKey":"main"}`,
		"chat.history":    `{"sessionKey":"main","limit":-1}`,
		"cron.add":        `{"name":"x"}`,
		"nonsense.method": `{}`,
		"cron.runs":       `{"unknown":1}`,
		"sessions.patch":  `[]`,
	} {
		err := l.Call(t.Context(), method, json.RawMessage(params), nil)
		if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeNotFound {
			t.Errorf("%s %s: %v (%s)", method, params, err, code)
		}
	}
	if got := l.Ask("r", "still there?"); got != "you said: still there?" {
		t.Errorf("%q", got)
	}
}

// converse sends one frame where a connect belongs and returns what comes back until the end.
func converse(t *testing.T, k *kerneltest.Kernel, frame string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://kernel/ws", &websocket.DialOptions{HTTPClient: k.HTTP()})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if _, _, err := ws.Read(ctx); err != nil {
		t.Fatal(err)
	}
	_ = ws.Write(ctx, websocket.MessageText, []byte(frame)) // it may be cut off in the middle
	var all strings.Builder
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				t.Errorf("%.60q was neither answered nor cut off", frame)
			}
			fmt.Fprint(&all, " ", err)
			return all.String()
		}
		all.Write(b)
	}
}

// TestBadHTTP: no request takes the gateway down, and pages of other sites get nothing.
func TestBadHTTP(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	for _, raw := range []string{
		"GET / HTTP/1.1\r\n\r\n", "NONSENSE\r\n\r\n", "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"POST /plugins/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"GET /" + strings.Repeat("a", 200_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		conn, err := k.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(kerneltest.Patience))
		go func() { _, _ = io.WriteString(conn, raw) }()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.40q: %v", raw, err)
		} else if res.StatusCode >= 500 {
			t.Errorf("%.40q: %s", raw, res.Status)
		}
		_ = conn.Close()
	}
	if _, err := k.TryDial(client.Options{Token: kerneltest.Token, Header: http.Header{"Origin": {"https://evil.example"}}}); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a page of another site: %v", err)
	}
	k.Listen().MustCall("health", nil, nil)
}

// TestBadSettings: a config file with a mistake stops the start with one line that names the place.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`:                                 "line 1",
		`{"gateway":{"prot":1}}`:            "prot",
		`{"gateway":{"port":"x"}}`:          "port",
		`{"gateway":{"port":99999}}`:        "port",
		`{"timeZone":"Nowhere/Else"}`:       "Nowhere/Else",
		`{"session":{"dmScope":"x"}}`:       "dmScope",
		`{"delivery":{"afterCrash":"cry"}}`: "afterCrash",
		`{} {}`:                             "after the end",
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _, err := config.Load(path, true)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestWhatCannotStart says why in one line, changes nothing and holds nothing.
func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	log, err := logs.New(logs.Config{})
	if err != nil {
		t.Fatal(err)
	}
	try := func(name, dir string, c config.Config, listener net.Listener) {
		t.Helper()
		c.Secrets.Keyring = new(false)
		override := func(o *config.Config) { *o = c }
		_, err := kernel.New(t.Context(), kernel.Options{StateDir: dir, Override: override, Version: "1.0.0", Log: log, Listener: listener})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	try("a file for a directory", filepath.Join(dir, "file"), config.Config{}, gatewaytest.NewListener())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	state := filepath.Join(dir, "state")
	try("a taken port", state, config.Config{Gateway: config.Gateway{Port: taken.Addr().(*net.TCPAddr).Port}}, nil)
	kerneltest.Start(t, kerneltest.StateDir(state)).Stop() // the lock was given back

	foreign := filepath.Join(dir, "foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(foreign, "carapace.db")
	if err := os.WriteFile(database, []byte("my diary, not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	try("a foreign file in the database's place", foreign, config.Config{}, gatewaytest.NewListener())
	if b, err := os.ReadFile(database); err != nil || string(b) != "my diary, not a database" {
		t.Errorf("the foreign file is now %q %v", b, err)
	}
}
