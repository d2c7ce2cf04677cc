package auth_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// from is a client of another machine.
func from(ip string) option {
	return func(a *auth.Attempt) { a.Peer = auth.Peer{RemoteIP: ip} }
}

// behind is a client of a proxy on this machine that does not say who its clients are.
func behind(a *auth.Attempt) { a.Peer = auth.Peer{RemoteIP: "127.0.0.1", Proxied: true} }

func TestFailedLoginsAreSlowedDown(t *testing.T) {
	r := newRig(t)
	try := func(where option, token string) error {
		_, err := r.connect(where, secret(token, ""))
		return err
	}
	for range 6 {
		if err := try(remote, "guess"); code(err) != "unauthorized" {
			t.Fatal(err)
		}
	}
	err := try(remote, "guess")
	if code(err) != "rate_limited" || frame(err, 3) != "UNAVAILABLE unauthorized: too many failed logins from this address: wait and try again" {
		t.Errorf("while slowed down: %v", err)
	}
	if ms, _ := detail(err, "retryAfterMs").(int64); ms < 900 || ms > 1100 {
		t.Errorf("retryAfterMs = %v", rpc.DetailsOf(err))
	}
	for range 7 {
		_ = try(from("no address"), "guess")
	}
	// Others are not slowed down, and IPv6 neighbours of one host are one.
	if err := try(from("198.51.100.1"), "guess"); code(err) != "unauthorized" {
		t.Errorf("another address: %v", err)
	}
	if err := try(from("none either"), "guess"); code(err) != "unauthorized" {
		t.Errorf("what has no address: %v", err)
	}
	if err := try(local, "guess"); code(err) != "unauthorized" {
		t.Errorf("this machine: %v", err)
	}
	r.now = r.now.Add(2 * time.Second)
	if err := try(remote, "guess"); code(err) != "unauthorized" {
		t.Errorf("after the delay: %v", err)
	}
	for range 100 {
		_ = try(from("2001:db8::1"), "guess")
		r.now = r.now.Add(time.Millisecond)
	}
	if err := try(from("2001:db8::2"), "guess"); code(err) != "rate_limited" {
		t.Errorf("a neighbour in the same network: %v", err)
	}
	// However long the guessing goes on, the delay ends within a minute.
	for range 200 {
		_ = try(remote, "guess")
		r.now = r.now.Add(time.Minute)
	}
	r.now = r.now.Add(time.Second)
	if err := try(remote, "guess"); code(err) != "unauthorized" {
		t.Errorf("a minute later: %v", err)
	}
}

// Strangers that share an address with the owner cannot lock him out: what is right is let in, from anywhere and
// however many wrong ones came before.
func TestRightSecretsAreNeverRefused(t *testing.T) {
	for name, where := range map[string]option{"this machine": local, "another": remote, "a proxy's clients": behind} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(d *auth.Deps) { d.Token = longToken })
			device := r.must(secret(longToken, ""), scopes("operator.read"), r.sign(key(0), 2)).Hello.DeviceToken
			guess := func() {
				for range 100 {
					_, _ = r.connect(where, secret("guess", ""))
				}
				if _, err := r.connect(where, secret("guess", "")); code(err) != "rate_limited" {
					t.Fatalf("not slowed down: %v", err)
				}
			}
			guess()
			r.must(where, deviceToken(device, false), scopes("operator.read"), r.sign(key(0), 2))
			if _, err := r.connect(where, secret("guess", "")); code(err) != "rate_limited" {
				t.Errorf("a device's login forgave the guesses of others: %v", err)
			}
			if _, err := r.connect(where); code(err) != "unauthorized" {
				t.Errorf("without a secret: %v", err)
			}
			r.must(where, secret(longToken, ""))
			if _, err := r.connect(where, secret("guess", "")); code(err) != "unauthorized" {
				t.Errorf("the owner's login forgave nothing: %v", err)
			}
		})
	}
}

// longToken is one that nobody guesses.
const longToken = "a-token-that-nobody-guesses"

// TestShortSecretsAreNotLookedAtMeanwhile: what can be guessed, a password or a token, is not looked at while its sender
// has to stay away; this machine never has to. What cannot be guessed is never refused.
func TestShortSecretsAreNotLookedAtMeanwhile(t *testing.T) {
	for _, c := range []struct {
		secret          string
		token, password bool // whether it is not looked at as such
	}{
		{"hunter2", true, true}, {"fifteen-chars-1", true, true}, {"aaaaaaaaaaaaaaaaaaaaaaaa", true, true}, {"abcdefgabcdefgabcdefgabcdefg", true, true},
		{"sixteen-chars-12", false, true}, {"ääöüßéèêabcdefgh", false, true}, {"twenty-three-characters", false, true},
		{"twenty-four-characters--", false, false}, {"correct horse battery staple", false, false},
	} {
		for _, mode := range []auth.Mode{auth.ModeToken, auth.ModePassword} {
			t.Run(string(mode)+" "+c.secret, func(t *testing.T) {
				give := func(s string) option { return secret(s, "") }
				r := newRig(t, func(d *auth.Deps) {
					if d.Token = c.secret; mode == auth.ModePassword {
						d.Mode, d.Token, d.Password = mode, "", c.secret
						give = func(s string) option { return secret("", s) }
					}
				})
				guards := map[auth.Mode]bool{auth.ModeToken: c.token, auth.ModePassword: c.password}[mode]
				want := map[bool]string{true: "rate_limited", false: ""}[guards]
				for _, where := range []option{local, remote, behind} {
					for range 100 {
						_, _ = r.connect(where, give("guess"))
					}
				}
				for name, where := range map[string]option{"remote": remote, "behind a proxy": behind} {
					if _, err := r.connect(where, give(c.secret)); string(code(err)) != want {
						t.Errorf("%s: %v", name, err)
					}
				}
				for range 100 {
					_, _ = r.connect(remote, give("guess"))
				}
				q := httptest.NewRequest("GET", "/metrics", nil)
				q.RemoteAddr = "203.0.113.7:1"
				q.Header.Set("Authorization", "Bearer "+c.secret)
				if _, err := r.auth.HTTP(q); (code(err) == "unauthorized") != guards {
					t.Errorf("over HTTP: %v", err)
				}
				r.must(local, give(c.secret))
				r.now = r.now.Add(2 * time.Minute)
				r.must(remote, give(c.secret))
			})
		}
	}
}

// TestADeviceThatIsKnownPaysForItselfAlone: a short password is looked at for a device that was let in before, whatever
// strangers do at its address; it has so many tries as they, and no more.
func TestADeviceThatIsKnownPaysForItselfAlone(t *testing.T) {
	for name, where := range map[string]option{"remote": remote, "behind a proxy": behind} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(d *auth.Deps) { d.Mode, d.Token, d.Password = auth.ModePassword, "", "hunter2" })
			device := r.must(secret("", "hunter2"), scopes("operator.read"), r.sign(key(0), 2)).Hello.DeviceToken
			for range 100 {
				_, _ = r.connect(where, secret("", "guess"))
				_, _ = r.connect(where, secret("", "guess"), scopes("operator.read"), r.sign(key(1), 2))
			}
			stranger := func() error {
				_, err := r.connect(where, secret("", "hunter2"), scopes("operator.read"), r.sign(key(1), 2))
				return err
			}
			known := func(password string) error {
				_, err := r.connect(where, secret("", password), scopes("operator.read"), r.sign(key(0), 2))
				return err
			}
			if err := stranger(); code(err) != "rate_limited" {
				t.Errorf("a stranger's device: %v", err)
			}
			if err := known("hunter2"); err != nil {
				t.Errorf("the known one: %v", err)
			}
			for range 6 {
				if err := known("guess"); code(err) != "unauthorized" {
					t.Errorf("its guess: %v", err)
				}
			}
			if err := known("hunter2"); code(err) != "rate_limited" {
				t.Errorf("behind its own guesses: %v", err)
			}
			r.must(where, deviceToken(device, false), scopes("operator.read"), r.sign(key(0), 2))
			id := wire.DeviceID(key(0).Public().(ed25519.PublicKey))
			if _, err := r.call(admin(), "device.token.revoke", map[string]any{"deviceId": id, "role": "operator"}); err != nil {
				t.Fatal(err)
			}
			r.now = r.now.Add(time.Second)
			for range 100 {
				_, _ = r.connect(where, secret("", "guess"))
			}
			if err := known("hunter2"); code(err) != "rate_limited" {
				t.Errorf("once its token is revoked it is a stranger: %v", err)
			}
		})
	}
}

// TestWhatCountsAsAGuess: each secret that is wrong, in whichever field, and nothing else.
func TestWhatCountsAsAGuess(t *testing.T) {
	broken := func(d *auth.Deps) { d.Store = unreadable{d.Store} }
	for _, tt := range []struct {
		name   string
		deps   func(*auth.Deps)
		option option
		counts bool
	}{
		{"no secret", nil, func(*auth.Attempt) {}, false},
		{"an empty one", nil, secret("", ""), false},
		{"a role that is none", nil, func(a *auth.Attempt) { secret("x", "")(a); a.Params.Role = "x" }, false},
		{"a store that fails", broken, secret("x", ""), false},
		{"a token", nil, secret("x", ""), true},
		{"a password", nil, secret("", "x"), true},
		{"a device token", nil, deviceToken("x", true), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			if tt.deps != nil {
				tt.deps(&r.deps)
				r.restart()
			}
			for range 10 {
				if _, err := r.connect(remote, tt.option, r.sign(key(0), 2)); err == nil {
					t.Fatal("let in")
				}
			}
			want := map[bool]string{false: "unauthorized", true: "rate_limited"}[tt.counts]
			if _, err := r.connect(remote, secret("guess", "")); string(code(err)) != want {
				t.Errorf("a guess after it: %v, want %s", err, want)
			}
		})
	}
}

// unreadable is a store that fails.
type unreadable struct{ store.Store }

func (unreadable) View(context.Context, func(store.Tx) error) error {
	return wit.NewError(wit.CodeUnavailable, "the disk is gone")
}

// TestFreeFailures: so many wrong secrets cost nothing, the next one a delay; from this machine more and a shorter one.
func TestFreeFailures(t *testing.T) {
	for _, tt := range []struct {
		name    string
		where   option
		free    int
		first   time.Duration
		ceiling time.Duration
	}{
		{"another machine", remote, 5, time.Second, time.Minute},
		{"this machine", local, 20, 100 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			guess := func() (wait time.Duration) {
				_, err := r.connect(tt.where, secret("guess", ""))
				if ms, ok := detail(err, "retryAfterMs").(int64); ok {
					if told := wit.AsError(err).RetryAfter; told == nil || *told != ms {
						t.Errorf("the error's own delay is %v, its details' %d", told, ms)
					}
					return time.Duration(ms) * time.Millisecond
				}
				return 0
			}
			for n := range tt.free + 1 {
				if wait := guess(); wait != 0 {
					t.Fatalf("guess %d waits %v", n, wait)
				}
			}
			// One millisecond more than is left, since less would be told off again.
			if wait := guess(); wait != tt.first+time.Millisecond {
				t.Errorf("the first delay is %v", wait)
			}
			for range 20 {
				r.now = r.now.Add(tt.ceiling)
				guess()
			}
			if wait := guess(); wait != tt.ceiling+time.Millisecond {
				t.Errorf("the last delay is %v", wait)
			}
			r.now = r.now.Add(10 * time.Minute)
			if guess(); guess() == 0 {
				t.Error("ten minutes of silence are enough to begin anew")
			}
			r.now = r.now.Add(10*time.Minute + time.Millisecond)
			for n := range tt.free + 1 {
				if wait := guess(); wait != 0 {
					t.Fatalf("after a long silence guess %d waits %v", n, wait)
				}
			}
		})
	}
}

// TestFailuresAreBounded: of so many addresses the one that failed longest ago is forgotten first.
func TestFailuresAreBounded(t *testing.T) {
	const most = 4096
	r := newRig(t)
	guess := func(n int) error {
		_, err := r.connect(from(fmt.Sprintf("10.0.%d.%d", n>>8, n&255)), secret("guess", ""))
		return err
	}
	for range 12 { // until each has to wait for a minute
		r.now = r.now.Add(time.Minute)
		_ = guess(1)
		r.now = r.now.Add(time.Millisecond)
		_ = guess(0)
	}
	for n := range most - 2 {
		r.now = r.now.Add(time.Millisecond)
		_ = guess(2 + n)
	}
	if err := guess(0); code(err) != "rate_limited" {
		t.Fatalf("with room for all: %v", err)
	}
	if err := guess(1); code(err) != "rate_limited" {
		t.Fatalf("with room for all: %v", err)
	}
	r.now = r.now.Add(time.Millisecond)
	_ = guess(most) // takes the place of 1, whose last failure is the oldest
	if err := guess(0); code(err) != "rate_limited" {
		t.Errorf("not the oldest: %v", err)
	}
	if err := guess(1); code(err) != "unauthorized" {
		t.Errorf("the oldest: %v", err)
	}
}

func TestGeneratedToken(t *testing.T) {
	r := newRig(t, func(d *auth.Deps) { d.Token = "" })
	path := filepath.Join(r.deps.StateDir, auth.TokenFile)
	b, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(b)) != r.auth.Token() || len(r.auth.Token()) < 32 {
		t.Fatalf("file %q, %v; token %q", b, err, r.auth.Token())
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v", info.Mode())
	}
	before := r.auth.Token()
	r.restart()
	if r.auth.Token() != before {
		t.Error("the token did not survive a restart")
	}
	r.must(secret(before, ""))
	for _, c := range []struct{ text, refusal, token string }{
		{"fifteen chars..\n", "invalid", "fifteen chars.."},
		{"sixteen chars...\n", "", "sixteen chars..."},
		{" \n", "", ""},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.New(r.deps); string(code(err)) != c.refusal {
			t.Errorf("a token file with %q: %v", c.text, err)
		}
		b, err := os.ReadFile(path)
		if kept := strings.TrimSpace(string(b)); err != nil || c.token != "" && kept != c.token || c.token == "" && len(kept) < 32 {
			t.Errorf("a token file with %q holds %q afterwards, %v", c.text, b, err)
		}
	}
	for _, name := range []string{auth.TokenFile, "device-tokens.key"} {
		deps := r.deps
		deps.StateDir = t.TempDir()
		if err := os.Mkdir(filepath.Join(deps.StateDir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.New(deps); code(err) != "unavailable" || !strings.Contains(err.Error(), name+" cannot be read") {
			t.Errorf("a folder for %s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(r.deps.StateDir); len(left) != 2 {
		t.Errorf("%v is left in the state directory, %v", left, err)
	}
	t.Chdir(t.TempDir())
	if _, err := auth.New(auth.Deps{}); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir("."); len(left) != 0 {
		t.Errorf("without a state directory %v is kept, %v", left, err)
	}
	r.deps.StateDir = filepath.Join(r.deps.StateDir, "missing")
	for _, token := range []string{"", sharedToken} {
		r.deps.Token = token
		if _, err := auth.New(r.deps); code(err) != "unavailable" {
			t.Errorf("token %q, no state directory: %v", token, err)
		}
	}
}

// A lost key of the device tokens costs a renewal, not a device.
func TestLostDeviceKey(t *testing.T) {
	r := newRig(t)
	first := r.must(secret(sharedToken, ""), scopes("operator.read"), r.sign(key(0), 2))
	r.deps.StateDir = t.TempDir()
	r.restart()
	second := r.must(deviceToken(first.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
	if second.Hello.DeviceToken == first.Hello.DeviceToken || second.Hello.DeviceToken == "" {
		t.Errorf("token = %q", second.Hello.DeviceToken)
	}
	r.must(deviceToken(second.Hello.DeviceToken, false), scopes("operator.read"), r.sign(key(0), 2))
}

// What was refused over HTTP counts like a refused connect, and what is right is let in meanwhile.
func TestHTTPIsLimitedToo(t *testing.T) {
	r := newRig(t, func(d *auth.Deps) { d.Token = longToken })
	q := httptest.NewRequest("GET", "/metrics", nil)
	q.RemoteAddr = "203.0.113.7:1"
	for n := range 6 {
		if wait := r.auth.Refused(q); wait != 0 {
			t.Fatalf("refusal %d: %v", n, wait)
		}
	}
	if wait := r.auth.Refused(q); wait <= 0 || wait > time.Second {
		t.Errorf("the seventh waits %v", wait)
	}
	if _, err := r.connect(remote, secret("guess", "")); code(err) != "rate_limited" {
		t.Errorf("a connect from there: %v", err)
	}
	q.Header.Set("Authorization", "Bearer "+longToken)
	if _, err := r.auth.HTTP(q); err != nil {
		t.Errorf("the right token: %v", err)
	}
	if wait := r.auth.Refused(q); wait != 0 {
		t.Errorf("after the right token: %v", wait)
	}
}

func TestHTTP(t *testing.T) {
	r := newRig(t)
	open := newRig(t, func(d *auth.Deps) { d.Mode = auth.ModeNone })
	tests := []struct {
		name, header, remote, host, forwarded string
		rig                                   *rig
		want                                  string
	}{
		{"bearer", "Bearer " + sharedToken, "203.0.113.9:1", "gw.example.org", "", r, ""},
		{"wrong", "Bearer x", "203.0.113.9:1", "gw.example.org", "", r, "unauthorized"},
		{"basic", "Basic " + sharedToken, "127.0.0.1:1", "localhost", "", r, "unauthorized"},
		{"no scheme", sharedToken, "127.0.0.1:1", "localhost", "", r, "unauthorized"},
		{"nothing", "", "127.0.0.1:1", "localhost", "", r, "unauthorized"},
		{"open", "", "127.0.0.1:1", "localhost:18789", "", open, ""},
		{"open by IPv6", "", "[::1]:1", "[::1]:18789", "", open, ""},
		{"open through a proxy", "", "127.0.0.1:1", "localhost", "203.0.113.1", open, "unauthorized"},
		{"open by another name", "", "127.0.0.1:1", "evil.example.org", "", open, "unauthorized"},
		{"open from elsewhere", "", "203.0.113.9:1", "localhost", "", open, "unauthorized"},
		{"open with an empty bearer", "Bearer ", "203.0.113.9:1", "localhost", "", open, "unauthorized"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := httptest.NewRequest("GET", "/metrics", nil)
			q.RemoteAddr, q.Host = tt.remote, tt.host
			if tt.header != "" {
				q.Header.Set("Authorization", tt.header)
			}
			if tt.forwarded != "" {
				q.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			c, err := tt.rig.auth.HTTP(q)
			if string(code(err)) != tt.want || err == nil && c.Scopes[0] != "operator.admin" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

// TestTheLogNamesWhoWasRefused, and no secret.
func TestTheLogNamesWhoWasRefused(t *testing.T) {
	var log bytes.Buffer
	for token, short := range map[string]bool{"fifteen-chars-1": true, strings.Repeat("x", 16): true, "sixteen-chars-12": false} {
		log.Reset()
		r := newRig(t, func(d *auth.Deps) { d.Token, d.Logger = token, hclog.New(&hclog.LoggerOptions{Output: &log}) })
		if got := strings.Contains(log.String(), "could be guessed"); got != short {
			t.Errorf("a token of %d characters: %s", len(token), log.String())
		}
		_, _ = r.connect(remote, secret("a-guess", ""))
		q := httptest.NewRequest("GET", "/metrics", nil)
		q.RemoteAddr = "203.0.113.8:1"
		q.Header.Set("Authorization", "Bearer a-guess")
		for range 10 {
			r.auth.Refused(q)
		}
		for what, times := range map[string]int{"login refused: ip=203.0.113.7": 1, "request refused: ip=203.0.113.8": 6, "a-guess": 0, token: 0} {
			if got := strings.Count(log.String(), what); got != times {
				t.Errorf("%q stands %d times in\n%s", what, got, log.String())
			}
		}
	}
}
