package auth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// deviceToken presents a device token, in the field of protocol 4 or as the token.
func deviceToken(t string, own bool) option {
	return func(a *auth.Attempt) {
		a.Params.Auth = &wire.Auth{Token: t}
		if own {
			a.Params.Auth = &wire.Auth{DeviceToken: t}
		}
	}
}

func TestSilentPairing(t *testing.T) {
	r := newRig(t)
	read := []option{secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)}
	first := r.must(read...)
	if first.Hello.DeviceToken == "" || first.Caller.DeviceID == "" || first.Hello.IssuedAtMs != r.now.UnixMilli() {
		t.Fatalf("grant = %+v", first.Hello)
	}
	if got := r.names(); !slices.Equal(got, []string{"device.pair.resolved approved"}) {
		t.Errorf("events = %v", got)
	}
	// The token stays, also through a restart, and in either field.
	r.restart()
	for _, o := range [][]option{read, {deviceToken(first.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2)}, {v4, deviceToken(first.Hello.DeviceToken, true), scopes("operator.read"), r.sign(key(0), 3)}} {
		if g := r.must(o...); g.Hello.DeviceToken != first.Hello.DeviceToken {
			t.Error("the token changed without need")
		}
	}
	if got := r.names(); len(got) != 0 {
		t.Errorf("events = %v", got)
	}
	// With the shared token more scopes and another role come silently, and the old token keeps working.
	up := r.must(secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(0), 2))
	r.must(secret(sharedToken, ""), node, r.sign(key(0), 2))
	r.must(deviceToken(up.Hello.DeviceToken, false), scopes("operator.admin"), r.sign(key(0), 2))
	r.must(deviceToken(first.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	// An admin's token is good for less.
	r.must(deviceToken(up.Hello.DeviceToken, false), scopes("operator.read", "operator.pairing"), r.sign(key(0), 2))
}

// TestWhatIsKnownOfADevice: how it was let in, whether it is there, and when it was last, to the hour.
func TestWhatIsKnownOfADevice(t *testing.T) {
	there := map[string]bool{}
	r := newRig(t, func(d *auth.Deps) { d.Connected = func() map[string]bool { return there } })
	g := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	shows := func(connected bool, seen time.Time, via string) {
		t.Helper()
		list, err := r.call(admin(), "device.pair.list", map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		d := list["paired"].([]any)[0].(map[string]any)
		if d["connected"] != connected || d["lastSeenAtMs"] != float64(seen.UnixMilli()) || d["approvedVia"] != via {
			t.Errorf("%v", d)
		}
	}
	first := r.now
	there[g.Caller.DeviceID] = true
	shows(true, first, "silent")
	r.now = first.Add(59 * time.Minute)
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	shows(true, first, "silent")
	r.now = first.Add(time.Hour)
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	clear(there)
	shows(false, r.now, "silent")
	code, _ := r.invite(public)
	if _, err := r.withCode(code.BootstrapToken, 0, node); err != nil {
		t.Fatal(err)
	}
	shows(false, r.now, "setup-code")
}

// An owner who wants to be asked is asked for devices of this machine too.
func TestNobodyPairsUnasked(t *testing.T) {
	r := newRig(t, func(d *auth.Deps) { d.AskAlways = true })
	_, err := r.connect(local, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	id, _ := detail(err, "requestId").(string)
	if frame(err, 3) != "NOT_PAIRED pairing required" || id == "" {
		t.Fatalf("got %v", err)
	}
	if _, err := r.call(admin(), "device.pair.approve", map[string]any{"requestId": id}); err != nil {
		t.Fatal(err)
	}
	r.must(local, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	// Without a device the token is the owner's word, so that he can approve.
	r.must(local, secret(sharedToken, ""), scopes("operator.pairing"))
}

func TestDeviceTokenIsTheDevices(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	for name, o := range map[string][]option{
		"another device": {deviceToken(g.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(1), 2)},
		"no device":      {deviceToken(g.Hello.DeviceToken, false), scopes("operator.read")},
		"a guess":        {deviceToken("guess", false), scopes("operator.read"), r.sign(key(0), 2)},
	} {
		if _, err := r.connect(o...); code(err) != "unauthorized" || !strings.Contains(err.Error(), "token mismatch") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// More than the token was issued for waits for the owner, here as well: no secret was shown.
	_, err := r.connect(deviceToken(g.Hello.DeviceToken, false), scopes("operator.admin"), r.sign(key(0), 2))
	if frame(err, 3) != "NOT_PAIRED pairing required" {
		t.Errorf("scope upgrade by device token: %v", err)
	}
	_, err = r.connect(deviceToken(g.Hello.DeviceToken, false), node, r.sign(key(0), 2))
	if frame(err, 3) != "NOT_PAIRED pairing required" {
		t.Errorf("role upgrade by device token: %v", err)
	}
	// What worked before works on.
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
}

func TestRemotePairing(t *testing.T) {
	r := newRig(t)
	ask := func(s ...string) (string, error) {
		named := func(a *auth.Attempt) { a.Params.Client.DisplayName = "Ann's" }
		g, err := r.connect(remote, named, secret(sharedToken, ""), scopes(s...), r.sign(key(0), 2))
		if err == nil {
			return g.Hello.DeviceToken, nil
		}
		id, _ := detail(err, "requestId").(string)
		return id, err
	}
	id, err := ask("operator.read")
	if frame(err, 3) != "NOT_PAIRED pairing required" || id == "" {
		t.Fatalf("got %v, details %v", err, rpc.DetailsOf(err))
	}
	// The same ask stays one request; another one replaces it.
	if again, _ := ask("operator.read"); again != id {
		t.Errorf("a second request %s for the same ask", again)
	}
	if detail(err, "code") != nil {
		t.Errorf("protocol 3 has no codes: %v", rpc.DetailsOf(err))
	}
	if _, err := r.connect(v4, remote, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 3)); detail(err, "code") != "PAIRING_REQUIRED" || detail(err, "requestId") != id {
		t.Errorf("protocol 4: %v", rpc.DetailsOf(err))
	}
	other, _ := ask("operator.admin")
	if other == id {
		t.Error("the request changed under its id")
	}
	if got := r.names(); !slices.Equal(got, []string{"device.pair.requested", "device.pair.requested"}) {
		t.Errorf("events = %v", got)
	}
	if _, err := r.call(admin(), "device.pair.approve", map[string]any{"requestId": id}); err == nil {
		t.Error("a replaced request was approved")
	}
	// An approver cannot give what he lacks.
	helper := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopePairing}}
	if _, err := r.call(helper, "device.pair.approve", map[string]any{"requestId": other}); code(err) != "forbidden" {
		t.Errorf("approved beyond the approver's scopes: %v", err)
	}
	got, err := r.call(admin(), "device.pair.approve", map[string]any{"requestId": other})
	if err != nil || got["requestId"] != other || got["device"].(map[string]any)["displayName"] != "Ann's" {
		t.Fatalf("approve = %v, %v", got, err)
	}
	if got := r.names(); !slices.Equal(got, []string{"device.pair.resolved approved"}) {
		t.Errorf("events = %v", got)
	}
	if strings.Contains(fmt.Sprint(got), "hash") || strings.Contains(fmt.Sprint(got), "salt") {
		t.Errorf("approve shows %v", got)
	}
	if _, err := ask("operator.read"); err != nil {
		t.Errorf("after the approval: %v", err)
	}
	// A later upgrade is a new request, and what was approved goes on.
	if _, err := r.connect(remote, secret(sharedToken, ""), node, r.sign(key(0), 2)); frame(err, 4) != "NOT_PAIRED pairing required" {
		t.Errorf("role upgrade: %v", err)
	}
	if _, err := ask("operator.admin"); err != nil {
		t.Errorf("locked out by an upgrade: %v", err)
	}
}

func TestRequestsExpireAndAreBounded(t *testing.T) {
	r := newRig(t)
	ask := func(n byte) error {
		_, err := r.connect(remote, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(n), 2))
		return err
	}
	var id string
	for n := range byte(64) {
		err := ask(n)
		if id, _ = detail(err, "requestId").(string); id == "" {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if err := ask(200); frame(err, 3) != "UNAVAILABLE too many pending pairing requests: approve or reject some, or wait five minutes" {
		t.Errorf("the 65th: %v", err)
	}
	if got, err := r.call(admin(), "device.pair.reject", map[string]any{"requestId": id}); err != nil || got["deviceId"] != wire.DeviceID(key(63).Public().(ed25519.PublicKey)) {
		t.Fatal(got, err)
	}
	if _, err := r.call(admin(), "device.pair.reject", map[string]any{"requestId": id}); frame(err, 3) != "INVALID_REQUEST unknown requestId" {
		t.Errorf("rejected twice: %v", err)
	}
	if got := r.names(); got[len(got)-1] != "device.pair.resolved rejected" {
		t.Errorf("events = %v", got)
	}
	err := ask(200)
	last, _ := detail(err, "requestId").(string)
	if last == "" {
		t.Errorf("after a rejection: %v", err)
	}
	r.now = r.now.Add(auth.RequestTTL)
	if got, _ := r.call(admin(), "device.pair.list", nil); len(got["pending"].([]any)) != 64 {
		t.Errorf("expired too early: %v", got["pending"])
	}
	r.now = r.now.Add(time.Second)
	if got, _ := r.call(admin(), "device.pair.list", nil); len(got["pending"].([]any)) != 0 {
		t.Errorf("expired requests are listed: %v", got["pending"])
	}
	if _, err := r.call(admin(), "device.pair.approve", map[string]any{"requestId": last}); frame(err, 3) != "INVALID_REQUEST unknown requestId" {
		t.Errorf("an expired request is approved: %v", err)
	}
	if err := ask(200); detail(err, "requestId") == last {
		t.Error("an expired request goes on under its id")
	}
	if err := ask(201); detail(err, "requestId") == nil {
		t.Errorf("after the others expired: %v", err)
	}
}

func TestListShape(t *testing.T) {
	r := newRig(t)
	devices := map[string]string{} // their order by id differs from that by age
	for n := range byte(8) {
		r.now = r.now.Add(time.Second)
		devices[r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(n), 2)).Caller.DeviceID] = ""
		_, _ = r.connect(remote, secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(2*n), 2))
	}
	got, err := r.call(admin(), "device.pair.list", map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	for list, field := range map[string]string{"paired": "approvedAtMs", "pending": "ts"} {
		last := float64(r.now.UnixMilli())
		for _, row := range got[list].([]any) {
			r := row.(map[string]any)
			if list == "pending" {
				if _, known := devices[r["deviceId"].(string)]; known != (r["isRepair"] == true) {
					t.Errorf("known %v, isRepair %v", known, r["isRepair"])
				}
			}
			if at := r[field].(float64); at > last {
				t.Errorf("%s: %s stands behind what is older", list, field)
			} else {
				last = at
			}
		}
	}
	paired, pending := got["paired"].([]any)[0].(map[string]any), got["pending"].([]any)[0].(map[string]any)
	for _, field := range []string{"deviceId", "publicKey", "platform", "clientId", "clientMode", "role", "roles", "scopes", "remoteIp", "createdAtMs", "approvedAtMs", "tokens"} {
		if paired[field] == nil {
			t.Errorf("paired lacks %s: %v", field, paired)
		}
	}
	for _, field := range []string{"requestId", "deviceId", "publicKey", "platform", "clientId", "clientMode", "role", "roles", "scopes", "remoteIp", "ts"} {
		if pending[field] == nil {
			t.Errorf("pending lacks %s: %v", field, pending)
		}
	}
	tok := paired["tokens"].([]any)[0].(map[string]any)
	if tok["role"] != "operator" || tok["createdAtMs"] == nil || tok["hash"] != nil || tok["salt"] != nil {
		t.Errorf("token row = %v", tok)
	}
}

func TestTokenLife(t *testing.T) {
	r := newRig(t)
	connect := func() string {
		return r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)).Hello.DeviceToken
	}
	byToken := func(tok string) error {
		_, err := r.connect(deviceToken(tok, false), scopes("operator.read"), r.sign(key(0), 2))
		return err
	}
	first := connect()
	r.now = r.now.Add(auth.TokenTTL - auth.TokenRenewal - time.Hour)
	if connect() != first {
		t.Error("renewed too early")
	}
	r.now = r.now.Add(2 * time.Hour)
	second := connect()
	if second == first {
		t.Error("not renewed near its end")
	}
	if err := byToken(first); err != nil {
		t.Errorf("the old token ended before its time: %v", err)
	}
	if connect() != second {
		t.Error("renewed twice")
	}
	r.now = r.now.Add(auth.TokenRenewal)
	if err := byToken(first); err == nil {
		t.Error("the old token outlived its time")
	}
	if err := byToken(second); err != nil {
		t.Error(err)
	}
}

func TestRotateRevokeRemove(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	id := g.Caller.DeviceID
	byToken := func(tok string) error {
		_, err := r.connect(deviceToken(tok, false), scopes("operator.read"), r.sign(key(0), 2))
		return err
	}
	r.names()
	issued := r.now.UnixMilli()
	r.now = r.now.Add(time.Second)
	rotated, err := r.call(admin(), "device.token.rotate", map[string]any{"deviceId": id, "role": "operator"})
	if err != nil || rotated["token"] == "" || rotated["rotatedAtMs"] == nil || rotated["role"] != "operator" {
		t.Fatalf("rotate = %v, %v", rotated, err)
	}
	if err := byToken(g.Hello.DeviceToken); err == nil {
		t.Error("the old token works after a rotation")
	}
	list, _ := r.call(admin(), "device.pair.list", nil)
	row := list["paired"].([]any)[0].(map[string]any)["tokens"].([]any)[0].(map[string]any)
	if row["createdAtMs"] != float64(issued) || row["rotatedAtMs"] != float64(r.now.UnixMilli()) {
		t.Errorf("the rotated token is listed as %v", row)
	}
	if err := byToken(rotated["token"].(string)); err != nil {
		t.Errorf("the new token: %v", err)
	}
	far := admin()
	far.Protocol = 4
	if got, _ := r.call(far, "device.token.rotate", map[string]any{"deviceId": id, "role": "operator"}); got["token"] != nil || got["tokenDelivery"] != "withheld-cross-device" {
		t.Errorf("another device's token is shown: %v", got)
	}
	far.DeviceID = id
	own, _ := r.call(far, "device.token.rotate", map[string]any{"deviceId": id, "role": "operator"})
	if own["token"] == nil || own["tokenDelivery"] != "in-band" {
		t.Errorf("the own token is not shown: %v", own)
	}
	if _, err := r.call(admin(), "device.token.rotate", map[string]any{"deviceId": id, "role": "operator", "scopes": []string{"operator.admin"}}); code(err) != "invalid" {
		t.Errorf("rotated beyond what was approved: %v", err)
	}
	if _, err := r.call(admin(), "device.token.revoke", map[string]any{"deviceId": id, "role": "operator"}); err != nil {
		t.Fatal(err)
	}
	if err := byToken(own["token"].(string)); err == nil {
		t.Error("a revoked token works")
	}
	if fresh := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)); byToken(fresh.Hello.DeviceToken) != nil {
		t.Error("no new token after a revocation")
	}
	if _, err := r.call(admin(), "device.pair.remove", map[string]any{"deviceId": id}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.connect(remote, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)); frame(err, 3) != "NOT_PAIRED pairing required" {
		t.Errorf("a removed device: %v", err)
	}
	for _, m := range []string{"device.pair.remove", "device.pair.rename", "device.token.revoke", "device.token.rotate"} {
		params := map[string]any{"deviceId": "nope"}
		switch m {
		case "device.pair.remove":
		case "device.pair.rename":
			params["label"] = "a phone"
		default:
			params["role"] = "operator"
		}
		if _, err := r.call(admin(), m, params); frame(err, 3) != "INVALID_REQUEST unknown deviceId" {
			t.Errorf("%s of an unknown device: %v", m, err)
		}
	}
	// Not where the device itself has just got a new token.
	role := "device.revoked " + id + " operator"
	want := []string{role, role, role, "device.revoked " + id}
	got := slices.DeleteFunc(r.names(), func(n string) bool { return !strings.HasPrefix(n, "device.revoked") })
	if !slices.Equal(got, want) {
		t.Errorf("revocations = %q, want %q", got, want)
	}
}

// What the owner calls a device stays beside what it calls itself, also when it is let in anew.
func TestADeviceIsRenamed(t *testing.T) {
	r := newRig(t)
	named := func(a *auth.Attempt) { a.Params.Client.DisplayName = "iPhone" }
	g := r.must(named, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	got, err := r.call(admin(), "device.pair.rename", map[string]any{"deviceId": g.Caller.DeviceID, "label": "  Ann's phone "})
	if err != nil || got["label"] != "Ann's phone" || got["deviceId"] != g.Caller.DeviceID {
		t.Fatalf("%v %v", got, err)
	}
	if names := r.names(); names[len(names)-1] != "device.pair.changed" {
		t.Errorf("events %q", names)
	}
	r.must(named, secret(sharedToken, ""), scopes("operator.read", "operator.write"), r.sign(key(0), 2))
	list, err := r.call(admin(), "device.pair.list", nil)
	if err != nil {
		t.Fatal(err)
	}
	row := list["paired"].([]any)[0].(map[string]any)
	if row["operatorLabel"] != "Ann's phone" || row["displayName"] != "iPhone" {
		t.Errorf("%v", row)
	}
	for _, label := range []string{"", "  ", strings.Repeat("x", 65)} {
		if _, err := r.call(admin(), "device.pair.rename", map[string]any{"deviceId": g.Caller.DeviceID, "label": label}); code(err) != "invalid" {
			t.Errorf("%q: %v", label, err)
		}
	}
}

// Who may pair devices, and no more, takes nothing away from those that may more.
func TestPairersCannotLowerAdmins(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(0), 2))
	low := r.must(secret(sharedToken, ""), scopes("operator.pairing"), r.sign(key(1), 2))
	helper := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopePairing}, Protocol: 3}
	for method, more := range map[string]map[string]any{
		"device.token.rotate": {"role": "operator", "scopes": []string{"operator.pairing"}}, "device.token.revoke": {"role": "operator"}, "device.pair.rename": {"label": "mine"}, "device.pair.remove": {},
	} {
		params := map[string]any{"deviceId": g.Caller.DeviceID}
		for k, v := range more {
			params[k] = v
		}
		if _, err := r.call(helper, method, params); code(err) != "forbidden" {
			t.Errorf("%s of an admin's device: %v", method, err)
		}
		params["deviceId"] = low.Caller.DeviceID
		if method == "device.token.rotate" {
			got, err := r.call(helper, method, params)
			if err != nil || got["token"] != nil || got["tokenDelivery"] != "withheld-cross-device" {
				t.Errorf("%s of an equal's: %v, %v", method, got, err)
			}
		}
	}
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.admin"), r.sign(key(0), 2))
	if got := strings.Join(r.names(), ","); strings.Contains(got, "device.revoked "+g.Caller.DeviceID) {
		t.Errorf("events %v", got)
	}
	// A device may lower itself, and not raise what it came with.
	helper.DeviceID = g.Caller.DeviceID
	if _, err := r.call(helper, "device.token.rotate", map[string]any{"deviceId": g.Caller.DeviceID, "role": "operator"}); code(err) != "forbidden" {
		t.Errorf("its own, with all that the device may: %v", err)
	}
	if _, err := r.call(helper, "device.token.rotate", map[string]any{"deviceId": g.Caller.DeviceID, "role": "operator", "scopes": []string{"operator.pairing"}}); err != nil {
		t.Errorf("its own: %v", err)
	}
}

func TestRotationKnowsItsScopes(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(0), 2))
	for _, s := range []string{"zzz", "operator.root", "node", "none", "", "operator.read "} {
		_, err := r.call(admin(), "device.token.rotate", map[string]any{"deviceId": g.Caller.DeviceID, "role": "operator", "scopes": []string{"operator.read", s}})
		if code(err) != "invalid" {
			t.Errorf("%q: %v", s, err)
		}
	}
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.admin"), r.sign(key(0), 2))
	got, err := r.call(admin(), "device.token.rotate", map[string]any{"deviceId": g.Caller.DeviceID, "role": "operator", "scopes": []string{"operator.read"}})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := got["token"].(string)
	r.must(deviceToken(token, false), scopes("operator.read"), r.sign(key(0), 2))
	if _, err := r.connect(deviceToken(token, false), scopes("operator.admin"), r.sign(key(0), 2)); frame(err, 3) != "NOT_PAIRED pairing required" {
		t.Errorf("more than it was rotated to: %v", err)
	}
}

// Each role has tokens of its own, which are issued, presented and revoked apart.
func TestRolesAreApart(t *testing.T) {
	r := newRig(t)
	operator := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	id := operator.Caller.DeviceID
	change := func(method, role string) error {
		_, err := r.call(admin(), method, map[string]any{"deviceId": id, "role": role})
		return err
	}
	if err := change("device.token.rotate", "node"); code(err) != "invalid" {
		t.Errorf("rotated for a role that it has not: %v", err)
	}
	if err := change("device.token.revoke", "node"); code(err) != "not_found" {
		t.Errorf("revoked for a role that it has not: %v", err)
	}
	nodes := r.must(secret(sharedToken, ""), node, r.sign(key(0), 2)).Hello.DeviceToken
	if nodes == operator.Hello.DeviceToken {
		t.Fatal("one token for two roles")
	}
	if again := r.must(secret(sharedToken, ""), node, r.sign(key(0), 2)).Hello.DeviceToken; again != nodes {
		t.Error("the node's token changed without need")
	}
	if _, err := r.connect(deviceToken(nodes, false), scopes("operator.read"), r.sign(key(0), 2)); frame(err, 3) != "NOT_PAIRED pairing required" {
		t.Errorf("a node's token for an operator: %v", err)
	}
	// Scopes are an operator's: what a node asks for besides is not looked at.
	r.must(deviceToken(nodes, false), node, scopes("x"), r.sign(key(0), 2))
	if err := change("device.token.revoke", "operator"); err != nil {
		t.Fatal(err)
	}
	at := r.now.UnixMilli()
	r.now = r.now.Add(time.Second)
	if err := change("device.token.revoke", "operator"); err != nil {
		t.Fatal(err)
	}
	got, err := r.call(admin(), "device.pair.list", nil)
	if err != nil {
		t.Fatal(err)
	}
	revoked := map[any]any{}
	for _, row := range got["paired"].([]any)[0].(map[string]any)["tokens"].([]any) {
		revoked[row.(map[string]any)["role"]] = row.(map[string]any)["revokedAtMs"]
		if row.(map[string]any)["scopes"] == nil {
			t.Errorf("a token without a list of scopes: %v", row)
		}
	}
	if revoked["node"] != nil || revoked["operator"] != float64(at) {
		t.Errorf("revoked at %v, want the operator's at %d", revoked, at)
	}
	r.must(deviceToken(nodes, false), node, r.sign(key(0), 2))
	// A client that waits for one role does not wait for the other under the same request.
	_, err = r.connect(v4, remote, secret(sharedToken, ""), scopes(), r.sign(key(1), 3))
	_, other := r.connect(v4, remote, secret(sharedToken, ""), node, r.sign(key(1), 3))
	if a, b := detail(err, "requestId"), detail(other, "requestId"); a == nil || b == nil || a == b {
		t.Errorf("requests %v and %v", a, b)
	}
}

// What was forgotten waits no longer, and others do.
func TestRemovedDevicesWaitNoLonger(t *testing.T) {
	r := newRig(t)
	id := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)).Caller.DeviceID
	for n := range byte(3) {
		_, _ = r.connect(remote, secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(n), 2))
	}
	if _, err := r.call(admin(), "device.pair.remove", map[string]any{"deviceId": id}); err != nil {
		t.Fatal(err)
	}
	got, err := r.call(admin(), "device.pair.list", nil)
	if err != nil || len(got["paired"].([]any)) != 0 || len(got["pending"].([]any)) != 2 || strings.Contains(fmt.Sprint(got), id) {
		t.Errorf("left: %v, %v", got, err)
	}
}

// unwritable is a store that can be read only.
type unwritable struct{ store.Store }

func (unwritable) Update(context.Context, func(store.Tx) error) error {
	return wit.NewError(wit.CodeUnavailable, "the disk is full")
}

// What needs no change needs no room on the disk.
func TestPairedDevicesNeedNoWrite(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	r.deps.Store = unwritable{r.deps.Store}
	r.restart()
	r.names()
	r.must(deviceToken(g.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	if _, err := r.connect(secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(0), 2)); code(err) != "unavailable" {
		t.Errorf("more than it has: %v", err)
	}
	for _, m := range []string{"device.pair.remove", "device.token.revoke", "device.token.rotate", "device.pair.approve", "device.pair.reject"} {
		_, err := r.call(admin(), m, map[string]map[string]any{"device.pair.remove": {"deviceId": "x"}, "device.pair.approve": {"requestId": "x"}, "device.pair.reject": {"requestId": "x"}}[m])
		if err == nil {
			t.Errorf("%s: done", m)
		}
	}
	if got := r.names(); len(got) != 0 {
		t.Errorf("events of what did not happen: %v", got)
	}
}

// A record that cannot be read is an error, and never nobody: a device could else come anew, with other rights.
func TestDamagedRecords(t *testing.T) {
	damage := func(r *rig, space, key string) {
		t.Helper()
		if err := r.store.Update(t.Context(), func(tx store.Tx) error { return tx.Put(space, key, []byte("{")) }); err != nil {
			t.Fatal(err)
		}
	}
	list := func(r *rig) error { _, err := r.call(admin(), "device.pair.list", nil); return err }
	r := newRig(t)
	id := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)).Caller.DeviceID
	damage(r, "auth.devices", id)
	if _, err := r.connect(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)); err == nil {
		t.Error("a damaged device is let in")
	}
	if _, err := r.call(admin(), "device.pair.remove", map[string]any{"deviceId": id}); err == nil || code(err) == "not_found" {
		t.Errorf("a damaged device is unknown: %v", err)
	}
	if err := list(r); err == nil {
		t.Error("a damaged device is left out of the list")
	}
	r = newRig(t)
	_, err := r.connect(remote, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	request, _ := detail(err, "requestId").(string)
	id = r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(1), 2)).Caller.DeviceID
	damage(r, "auth.requests", request)
	for name, err := range map[string]error{
		"list":                            list(r),
		"asking beside a damaged request": second(r.connect(remote, secret(sharedToken, ""), scopes("operator.read"), r.sign(key(2), 2))),
		"pairing silently beside one":     second(r.connect(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(3), 2))),
		"removing a device beside one":    second(r.call(admin(), "device.pair.remove", map[string]any{"deviceId": id})),
		"approving a damaged request":     second(r.call(admin(), "device.pair.approve", map[string]any{"requestId": request})),
		"turning a damaged request away":  second(r.call(admin(), "device.pair.reject", map[string]any{"requestId": request})),
	} {
		if err == nil || code(err) == "not_found" || detail(err, "requestId") != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// A token is worth what it was issued for, whatever its device was approved for later.
func TestOldTokensDoNotGrow(t *testing.T) {
	r := newRig(t)
	old := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2)).Hello.DeviceToken
	r.must(secret(sharedToken, ""), scopes("operator.admin"), r.sign(key(0), 2))
	r.must(secret(sharedToken, ""), node, r.sign(key(0), 2))
	r.must(deviceToken(old, false), scopes("operator.read"), r.sign(key(0), 2))
	for name, o := range map[string][]option{
		"more scopes":   {deviceToken(old, false), scopes("operator.admin"), r.sign(key(0), 2)},
		"some more":     {deviceToken(old, false), scopes("operator.read", "operator.write"), r.sign(key(0), 2)},
		"its own field": {v4, deviceToken(old, true), scopes("operator.admin"), r.sign(key(0), 3)},
		"another role":  {deviceToken(old, false), node, r.sign(key(0), 2)},
	} {
		if _, err := r.connect(o...); frame(err, 3) != "NOT_PAIRED pairing required" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A renewal keeps what the token had, also when less is asked for at that moment.
func TestRenewalKeepsScopes(t *testing.T) {
	r := newRig(t)
	connect := func(s string) string {
		return r.must(secret(sharedToken, ""), scopes(s), r.sign(key(0), 2)).Hello.DeviceToken
	}
	first := connect("operator.admin")
	r.now = r.now.Add(auth.TokenTTL - auth.TokenRenewal + time.Hour)
	second := connect("operator.read")
	if second == first {
		t.Fatal("not renewed")
	}
	r.must(deviceToken(second, false), scopes("operator.admin"), r.sign(key(0), 2))
}

func TestDevicesAreBounded(t *testing.T) {
	r := newRig(t)
	device := func(n int) option {
		seed := sha256.Sum256([]byte{byte(n), byte(n >> 8)})
		return r.sign(ed25519.NewKeyFromSeed(seed[:]), 2)
	}
	for n := range 1000 {
		r.must(secret(sharedToken, ""), scopes("operator.read"), device(n))
	}
	if _, err := r.connect(secret(sharedToken, ""), scopes("operator.read"), device(1000)); frame(err, 3) != "UNAVAILABLE too many paired devices: remove some with device.pair.remove" {
		t.Errorf("one more: %v", err)
	}
	_, err := r.connect(remote, secret(sharedToken, ""), scopes("operator.read"), device(1001))
	if _, err := r.call(admin(), "device.pair.approve", map[string]any{"requestId": detail(err, "requestId")}); code(err) != "unavailable" {
		t.Errorf("one more, approved: %v", err)
	}
	last := r.must(secret(sharedToken, ""), scopes("operator.admin"), device(999)) // no new device
	if _, err := r.call(admin(), "device.pair.remove", map[string]any{"deviceId": last.Caller.DeviceID}); err != nil {
		t.Fatal(err)
	}
	r.must(secret(sharedToken, ""), scopes("operator.read"), device(1000))
}

// Nothing that could be presented is in the store.
func TestTokensAreHashedAtRest(t *testing.T) {
	r := newRig(t)
	g := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	err := r.store.View(t.Context(), func(tx store.Tx) error {
		rows := 0
		for _, space := range []string{"auth.devices", "auth.requests"} {
			for rec, err := range tx.Scan(space, store.Range{}) {
				if err != nil {
					return err
				}
				rows++
				for _, s := range []string{g.Hello.DeviceToken, sharedToken} {
					if strings.Contains(string(rec.Value), s) {
						t.Errorf("%s/%s holds a secret", space, rec.Key)
					}
				}
			}
		}
		if rows == 0 {
			t.Error("nothing was stored")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentFirstConnects(t *testing.T) {
	r := newRig(t)
	tokens := make([]string, 16)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			g, err := r.connect(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
			if err != nil {
				t.Error(err)
			}
			tokens[i] = g.Hello.DeviceToken
		})
	}
	wg.Wait()
	if len(slices.Compact(tokens)) != 1 {
		t.Errorf("one device got %d tokens", len(slices.Compact(tokens)))
	}
}
