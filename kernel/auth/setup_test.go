package auth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// scanned is what a device reads from a setup code.
type scanned struct {
	URL            string
	URLs           []string
	BootstrapToken string
	ExpiresAtMs    int64
}

// invite makes a setup code and reads it as a device does. The answer says of it what is no secret.
func (r *rig) invite(params map[string]any) (scanned, map[string]any) {
	r.t.Helper()
	out, err := r.call(admin(), "device.pair.setupCode", params)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := base64.RawURLEncoding.DecodeString(out["setupCode"].(string))
	if err != nil {
		r.t.Fatal(err)
	}
	var s scanned
	if err := json.Unmarshal(b, &s); err != nil {
		r.t.Fatal(err)
	}
	return s, out
}

// withCode connects as a device elsewhere that has scanned a code.
func (r *rig) withCode(token string, device byte, options ...option) (auth.Grant, error) {
	r.t.Helper()
	coded := func(a *auth.Attempt) {
		a.Params.Auth, a.Params.Client.DisplayName = &wire.Auth{BootstrapToken: token}, "Ann's phone"
	}
	return r.connect(slices.Concat([]option{v4, remote, coded}, options, []option{r.sign(key(device), 3)})...)
}

var public = map[string]any{"publicUrl": "wss://chat.example.org"}

// TestASetupCode lets one device in for all that it is for, once, and never another.
func TestASetupCode(t *testing.T) {
	r := newRig(t)
	code, said := r.invite(public)
	if said["access"] != "full" || said["gatewayUrl"] != "wss://chat.example.org" || said["auth"] != "token" || said["urlSource"] != "publicUrl" {
		t.Errorf("%v", said)
	}
	picture, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(said["qrDataUrl"].(string), "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	r.restart() // the code is in the store
	g, err := r.withCode(code.BootstrapToken, 0, node)
	if err != nil {
		t.Fatal(err)
	}
	if g.Caller.Role != wire.RoleNode || g.Caller.Secret || !g.Caller.Invited || g.Hello.DeviceToken == "" || len(g.Hello.DeviceTokens) != 1 {
		t.Fatalf("%+v %+v", g.Caller, g.Hello)
	}
	if got := r.names(); !slices.Equal(got, []string{"device.pair.setup.completed", "device.pair.changed"}) {
		t.Errorf("events = %v", got)
	}
	operator := g.Hello.DeviceTokens[0]
	if operator.Role != wire.RoleOperator || !slices.Contains(operator.Scopes, wire.ScopeAdmin) || operator.IssuedAtMs != r.now.UnixMilli() {
		t.Errorf("%+v", operator)
	}
	// Both tokens are the device's, and last.
	r.must(v4, remote, node, deviceToken(g.Hello.DeviceToken, true), r.sign(key(0), 3))
	r.must(v4, remote, scopes("operator.admin"), deviceToken(operator.DeviceToken, true), r.sign(key(0), 3))
	// The answer may have been lost: the device asks again, and gets the same. That is no news.
	again, err := r.withCode(code.BootstrapToken, 0, node)
	if err != nil || again.Hello.DeviceToken != g.Hello.DeviceToken || again.Hello.DeviceTokens[0].DeviceToken != operator.DeviceToken {
		t.Errorf("%+v, %v", again.Hello, err)
	}
	if got := r.names(); len(got) != 0 {
		t.Errorf("events = %v", got)
	}
	if _, err := r.withCode(code.BootstrapToken, 1, node); detail(err, "code") != "AUTH_BOOTSTRAP_TOKEN_INVALID" {
		t.Errorf("another device: %v", err)
	}
	status, err := r.call(admin(), "device.pair.setupStatus", map[string]any{"setupId": said["setupId"]})
	if err != nil {
		t.Fatal(err)
	}
	if done, _ := status["completion"].(map[string]any); done["deviceName"] != "Ann's phone" || done["deviceId"] != g.Caller.DeviceID || done["access"] != "full" {
		t.Errorf("%v", status)
	}
}

// TestASetupCodeEnds after ten minutes, and for everybody.
func TestASetupCodeEnds(t *testing.T) {
	r := newRig(t)
	code, said := r.invite(public)
	used, _ := r.invite(public)
	if _, err := r.withCode(used.BootstrapToken, 1, node); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(auth.SetupTTL)
	for device, token := range map[byte]string{0: code.BootstrapToken, 1: used.BootstrapToken} {
		if _, err := r.withCode(token, device, node); detail(err, "code") != "AUTH_BOOTSTRAP_TOKEN_INVALID" {
			t.Errorf("%v", err)
		}
	}
	if status, err := r.call(admin(), "device.pair.setupStatus", map[string]any{"setupId": said["setupId"]}); err != nil || len(status) != 0 {
		t.Errorf("%v, %v", status, err)
	}
}

// TestWhatIsTakenBackStaysSo: the code that let a device in does not do so again once its rights were taken back.
func TestWhatIsTakenBackStaysSo(t *testing.T) {
	for _, back := range []string{"device.pair.remove", "device.token.revoke", "nodes"} {
		r := newRig(t)
		code, _ := r.invite(public)
		g, err := r.withCode(code.BootstrapToken, 0, node)
		if err != nil {
			t.Fatal(err)
		}
		params := map[string]any{"deviceId": g.Caller.DeviceID}
		if back == "device.token.revoke" {
			params["role"] = "node"
		}
		if back == "nodes" {
			err = r.store.Update(t.Context(), func(tx store.Tx) error { return r.auth.Nodes().Remove(tx, g.Caller.DeviceID) })
		} else {
			_, err = r.call(admin(), back, params)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.withCode(code.BootstrapToken, 0, node); detail(err, "code") != "AUTH_BOOTSTRAP_TOKEN_INVALID" {
			t.Errorf("%s: it comes in again: %v", back, err)
		}
	}
}

// TestACodeIsForWhatItSays: what is asked for beyond it waits for the owner, and leaves the code good.
func TestACodeIsForWhatItSays(t *testing.T) {
	for _, tt := range []struct {
		params  map[string]any
		options []option
		paired  bool
		others  int
	}{
		{map[string]any{}, []option{node}, true, 1},
		{map[string]any{}, []option{scopes("operator.admin", "operator.read")}, true, 1},
		{map[string]any{"bootstrapProfile": "limited"}, []option{node}, true, 1},
		{map[string]any{"bootstrapProfile": "limited"}, []option{scopes("operator.read", "operator.approvals")}, true, 1},
		{map[string]any{"bootstrapProfile": "limited"}, []option{scopes("operator.admin")}, false, 0},
		{map[string]any{"bootstrapProfile": "limited"}, []option{scopes("operator.pairing")}, false, 0},
		{map[string]any{"bootstrapProfile": "node"}, []option{node}, true, 0},
		{map[string]any{"bootstrapProfile": "node"}, []option{scopes("operator.read")}, false, 0},
		// Without TLS a code for everything is one for less.
		{map[string]any{"publicUrl": "ws://192.168.1.5:18789"}, []option{scopes("operator.admin")}, false, 0},
		{map[string]any{"publicUrl": "ws://192.168.1.5:18789"}, []option{scopes("operator.write")}, true, 1},
	} {
		r := newRig(t)
		params := maps.Clone(public)
		maps.Copy(params, tt.params)
		code, _ := r.invite(params)
		g, err := r.withCode(code.BootstrapToken, 0, tt.options...)
		switch {
		case tt.paired && (err != nil || len(g.Hello.DeviceTokens) != tt.others):
			t.Errorf("%v: %+v, %v", tt.params, g.Hello, err)
		case !tt.paired && (detail(err, "code") != "PAIRING_REQUIRED" || !slices.Equal(r.names(), []string{"device.pair.requested"})):
			t.Errorf("%v: %v", tt.params, err)
		}
		if !tt.paired {
			if _, err := r.withCode(code.BootstrapToken, 1, node); err != nil {
				t.Errorf("%v: the code is lost: %v", tt.params, err)
			}
		}
	}
}

// TestACodeWidens what a device may: a device that was let in for more keeps it, and one that was for less gets what the code gives.
func TestACodeWidens(t *testing.T) {
	r := newRig(t)
	first := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	limited, _ := r.invite(map[string]any{"publicUrl": "wss://chat.example.org", "bootstrapProfile": "limited"})
	if _, err := r.withCode(limited.BootstrapToken, 0, scopes("operator.write")); err != nil {
		t.Fatal(err)
	}
	r.must(deviceToken(first.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	if _, err := r.connect(deviceToken(first.Hello.DeviceToken, false), scopes("operator.admin"), r.sign(key(0), 2)); err == nil {
		t.Error("a limited code made an admin")
	}
}

// TestOneDeviceWins where many show the same code at once.
func TestOneDeviceWins(t *testing.T) {
	r := newRig(t)
	code, _ := r.invite(public)
	var wg sync.WaitGroup
	won := make(chan byte, 20)
	for device := range byte(20) {
		wg.Go(func() {
			if _, err := r.withCode(code.BootstrapToken, device, node); err == nil {
				won <- device
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Errorf("%d devices came in by one code", len(won))
	}
}

// TestWhoMakesSetupCodes, how many, and that guesses at them count.
func TestWhoMakesSetupCodes(t *testing.T) {
	r := newRig(t)
	pairer := admin()
	pairer.Scopes = []wire.Scope{wire.ScopePairing, wire.ScopeWrite}
	if _, err := r.call(pairer, "device.pair.setupCode", public); code(err) != "forbidden" {
		t.Errorf("who may let in makes an admin: %v", err)
	}
	for range 32 {
		r.invite(public)
	}
	if _, err := r.call(admin(), "device.pair.setupCode", public); code(err) != "unavailable" {
		t.Errorf("a 33rd code: %v", err)
	}
	r.now = r.now.Add(auth.SetupTTL + time.Millisecond)
	r.invite(public)
	limited := false
	for range 100 {
		_, err := r.withCode("guess", 0, node)
		limited = limited || code(err) == "rate_limited"
	}
	if !limited {
		t.Error("codes can be guessed at without end")
	}
	open := newRig(t, func(d *auth.Deps) { d.Mode, d.Token = auth.ModeNone, "" })
	if _, err := open.call(admin(), "device.pair.setupCode", public); code(err) != "invalid" {
		t.Errorf("without a token: %v", err)
	}
	if _, err := r.connect(v4, remote, node, func(a *auth.Attempt) { a.Params.Auth = &wire.Auth{BootstrapToken: "x"} }); detail(err, "code") != "DEVICE_IDENTITY_REQUIRED" {
		t.Errorf("a code without a device: %v", err)
	}
}

// TestWhereDevicesReachTheGateway: addresses are written as apps take them, and those without TLS stay near.
func TestWhereDevicesReachTheGateway(t *testing.T) {
	for given, want := range map[string]string{
		"":                            "ws://192.168.1.5:18789,ws://10.0.0.5:18789 limited",
		"https://Chat.Example.org":    "wss://chat.example.org full",
		"wss://chat.example.org:443":  "wss://chat.example.org full",
		"wss://h.example.org:8443/x/": "wss://h.example.org:8443/x full",
		"http://127.0.0.1:18789":      "ws://127.0.0.1:18789 full",
		"ws://localhost:80/":          "ws://localhost full",
		"ws://[::1]:18789":            "ws://[::1]:18789 full",
		"ws://desk.local:1":           "ws://desk.local:1 limited",
		"ws://10.0.2.2:18789":         "ws://10.0.2.2:18789 limited",
		"ws://[fd00::1]:2":            "ws://[fd00::1]:2 limited",
		"ws://chat.example.org":       "invalid",
		"ws://203.0.113.7":            "invalid",
		"ws://100.64.0.7":             "invalid",
		"ftp://chat.example.org":      "invalid",
		"chat.example.org":            "invalid",
		"wss://":                      "invalid",
		"wss://a:b@chat.example.org":  "invalid",
		"wss://chat.example.org/?q":   "invalid",
		"wss://bücher.example":        "invalid",
		"\x00":                        "invalid",
	} {
		r := newRig(t, func(d *auth.Deps) {
			d.Addresses = func() ([]string, string) {
				return []string{"http://192.168.1.5:18789", "http://203.0.113.7:18789", "http://10.0.0.5:18789"}, "gateway.bind"
			}
		})
		params := map[string]any{"publicUrl": given, "includeQr": false}
		if given == "" {
			delete(params, "publicUrl")
		}
		out, err := r.call(admin(), "device.pair.setupCode", params)
		got := fmt.Sprint(code(err))
		if err == nil {
			urls := []string{out["gatewayUrl"].(string)}
			if list, ok := out["gatewayUrls"].([]any); ok {
				urls = nil
				for _, u := range list {
					urls = append(urls, u.(string))
				}
			}
			got = strings.Join(urls, ",") + " " + out["access"].(string)
			if _, drawn := out["qrDataUrl"]; drawn || (out["access"] == "limited") != (out["accessDowngraded"] == true) {
				t.Errorf("%v", out)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", given, got, want)
		}
	}
	alone := newRig(t, func(d *auth.Deps) { d.Addresses = func() ([]string, string) { return nil, "gateway.bind" } })
	if _, err := alone.call(admin(), "device.pair.setupCode", map[string]any{}); code(err) != "unavailable" || !strings.Contains(err.Error(), "--bind lan") {
		t.Errorf("%v", err)
	}
}
