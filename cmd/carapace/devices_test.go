package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// phone is an app elsewhere, with a key of its own.
func phone(t *testing.T, g *gatewaytest.Gateway) client.Options {
	t.Helper()
	return client.Options{
		URL: g.WebSocket(), Identity: filepath.Join(t.TempDir(), "phone.key"), Scopes: []wire.Scope{wire.ScopeRead},
		Client: wire.Client{ID: "openclaw-ios", Mode: "ui", DisplayName: "Ann's phone", Platform: "ios"}, Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}},
	}
}

// scan reads the token of a setup code as an app does.
func scan(t *testing.T, code string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(code))
	if err != nil {
		t.Fatalf("%v: %s", err, code)
	}
	var scanned struct{ BootstrapToken string }
	if err := json.Unmarshal(b, &scanned); err != nil {
		t.Fatal(err)
	}
	return scanned.BootstrapToken
}

// TestDevicesPage executes every command of the page about devices, in order, with a phone from elsewhere.
func TestDevicesPage(t *testing.T) {
	t.Parallel()
	state, page, bin := stateDir(t), blocks(t, "docs/devices.md"), path(t)
	g := serve(t, state)
	token, err := os.ReadFile(filepath.Join(state, kernel.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, b := range page {
		switch b.language {
		case "console": // nobody believes what the phone says of its address
			shown = append(shown, strings.ReplaceAll(b.text, "203.0.113.7", "127.0.0.1"))
		case "sh": // what a foreign command line's own test runs
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if len(shown) != 3 {
		t.Fatalf("the page shows commands in %d places", len(shown))
	}
	play(t, state, bin, shown[0], strings.NewReplacer())
	asking := phone(t, g)
	asking.Token = strings.TrimSpace(string(token))
	if _, err := client.Dial(t.Context(), asking); err == nil {
		t.Fatal("a phone from elsewhere is let in unasked")
	}
	var devices auth.PairList
	if err := json.Unmarshal([]byte(must(t, state, "call", "device.pair.list")), &devices); err != nil {
		t.Fatal(err)
	}
	play(t, state, bin, strings.ReplaceAll(shown[1], "4b7e0a52-9c1d-4f0e-8a63-2d5f1e9b7c10", devices.Pending[0].RequestID), strings.NewReplacer())
	play(t, state, bin, strings.ReplaceAll(strings.ReplaceAll(shown[2], "9f2c5d81…", devices.Pending[0].DeviceID), "9f2c5d81", devices.Pending[0].DeviceID), strings.NewReplacer())
}

// TestPairingByACode: on a terminal the code is drawn, and the command says which device has used it.
func TestPairingByACode(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	code := must(t, state, "devices", "pair", "--limited", "--public-url", g.WebSocket())
	screen := terminaltest.Start(t, command(t.Context(), t, state, "devices", "pair", "--public-url", "ws://192.168.1.5:18789"))
	screen.Await(t, "waiting for the device")
	raw := screen.Raw()
	if !strings.Contains(raw, "█▀▀▀▀▀█") || !strings.Contains(raw, "with limited access") || !strings.Contains(raw, "others could listen") {
		t.Errorf("%s", raw)
	}
	first := phone(t, g)
	first.BootstrapToken = scan(t, code)
	c, err := client.Dial(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	own := c.Hello().Auth
	_ = c.Close()
	if len(own.DeviceTokens) != 1 || own.DeviceTokens[0].Role != wire.RoleNode {
		t.Errorf("%+v", own)
	}
	if strings.Contains(screen.Raw(), "is paired") {
		t.Error("another code's device ended the waiting")
	}
	drawn := ""
	for line := range strings.Lines(raw) {
		if strings.HasPrefix(line, "eyJ") {
			drawn = line
		}
	}
	second := phone(t, g)
	second.BootstrapToken = scan(t, drawn)
	if c, err = client.Dial(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	screen.Await(t, "Ann's phone is paired")
	screen.AwaitEnd(t)
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"pair"}, "only this machine reaches the gateway: start it with --bind lan"},
		{[]string{"pair", "--limited", "--node"}, "limited"},
		{[]string{"pair", "--public-url", "ws://chat.example.org"}, "use a wss:// address"},
		{[]string{"pair", "now"}, "now"},
	} {
		if r := carapace(t, state, append([]string{"devices"}, wrong.args...)...); r.code == 0 || !strings.Contains(r.err, wrong.says) || r.out != "" {
			t.Errorf("devices %q: %d %s%s", wrong.args, r.code, r.out, r.err)
		}
	}
}

// TestADevicesTokenIsRotated: what the device had lets it in no more, and its connection ends.
func TestADevicesTokenIsRotated(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	first := phone(t, g)
	first.BootstrapToken = scan(t, must(t, state, "devices", "pair", "--limited", "--public-url", g.WebSocket()))
	c, err := client.Dial(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	had := c.Hello().Auth.DeviceToken
	if out := must(t, state, "devices", "rotate", "Ann's phone"); !strings.HasPrefix(out, "rotated: ") || strings.Contains(out, had) || had == "" {
		t.Errorf("%q with %q", out, had)
	}
	<-c.Done()
	again := first
	again.BootstrapToken, again.DeviceToken = "", had
	if _, err := client.Dial(t.Context(), again); err == nil {
		t.Error("the old token lets it in")
	}
	if r := carapace(t, state, "devices", "rotate", "nobody"); r.code != exitFailed || !strings.Contains(r.err, "nobody") {
		t.Errorf("%+v", r)
	}
}
