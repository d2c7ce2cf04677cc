package main

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
	"syscall"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

func TestServeStopsCleanlyAndCleansUp(t *testing.T) {
	state := stateDir(t)
	g := serve(t, state)
	for _, path := range []string{"/health", "/ready"} {
		res, err := http.Get(g.URL + path)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %v %v", path, res, err)
		}
		res.Body.Close()
	}
	if info, err := os.Stat(filepath.Join(state, "gateway.token")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the token's file: %v %v", info, err)
	}
	g.Stop()
	if _, err := os.Stat(filepath.Join(state, "gateway.json")); !os.IsNotExist(err) {
		t.Fatalf("the gateway is gone and still says where it listens: %v", err)
	}
}

// TestTheOwnerApprovesWhereNobodyPairsUnasked: the command line is let in by the token alone.
func TestTheOwnerApprovesWhereNobodyPairsUnasked(t *testing.T) {
	for name, settings := range map[string]string{"asked": `{"gateway": {"silentPairing": false}}`, "behind a proxy": `{"gateway": {"trustedProxies": ["127.0.0.1"]}}`} {
		t.Run(name, func(t *testing.T) {
			state := stateDir(t)
			if err := os.WriteFile(filepath.Join(state, "carapace.json"), []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
			serve(t, state)
			if out := must(t, state, "devices", "list"); !strings.Contains(out, "asks") {
				t.Errorf("the device that was turned away does not wait: %s", out)
			}
		})
	}
}

// TestServeSaysWhoCanReachIt: only a gateway that other machines can reach says so, with its true addresses.
func TestServeSaysWhoCanReachIt(t *testing.T) {
	for bind, others := range map[string]bool{"loopback": false, "127.0.0.1": false, "lan": true, "all": true} {
		t.Run(bind, func(t *testing.T) {
			state := stateDir(t)
			if err := os.WriteFile(filepath.Join(state, "carapace.json"), []byte(`{"gateway": {"bind": "`+bind+`"}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			g := serve(t, state)
			if !strings.HasPrefix(g.URL, "http://127.0.0.1:") {
				t.Errorf("commands are told %s", g.URL)
			}
			var at struct{ Addresses []string }
			b, err := os.ReadFile(filepath.Join(state, "gateway.json"))
			if err != nil || json.Unmarshal(b, &at) != nil {
				t.Fatal(string(b), err)
			}
			if !others && len(at.Addresses) > 0 || strings.Contains(string(b), "0.0.0.0") {
				t.Errorf("%s", b)
			}
			var banner strings.Builder
			greet(&banner, kernel.Endpoint{URL: g.URL, Addresses: at.Addresses}, &config.Config{})
			for _, words := range []string{
				"other machines reach it, in plain HTTP, at " + strings.Join(at.Addresses, ", ") + "\n",
				"whoever can listen in on that network reads the token; put TLS in front (docs/proxy.md)",
				"who knows the token may connect; a new device waits for `carapace devices approve`",
			} {
				if says := strings.Contains(banner.String(), words); says != (len(at.Addresses) > 0) {
					t.Errorf("addresses %v; it says: %s", at.Addresses, &banner)
				}
			}
			for _, url := range at.Addresses {
				res, err := http.Get(url + "/health")
				if err != nil {
					t.Errorf("%s is not true: %v", url, err)
					continue
				}
				res.Body.Close()
			}
		})
	}
}

// TestNothingIsMadeWithoutThePort: a gateway that cannot have its port leaves no trace.
func TestNothingIsMadeWithoutThePort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	state := filepath.Join(stateDir(t), "new")
	if r := carapace(t, state, "serve", "--port", port); r.code != exitFailed || !strings.Contains(r.err, "in use") {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	if list, err := os.ReadDir(state); err == nil {
		t.Errorf("it has made %v", list)
	}
}

// TestServeRefuses looks at starts that cannot work: one clear line, an exit code that is not 0, and
// nothing changed.
func TestServeRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	taking := stateDir(t)
	running := serve(t, taking)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{\n\"gateway\": {\"prot\": 1}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	badBind := filepath.Join(t.TempDir(), "bind.json")
	if err := os.WriteFile(badBind, []byte(`{"gateway": {"bind": "everywhere"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "carapace.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		state, says string
		args        []string
		code        int
	}{
		"port in use":          {stateDir(t), "choose another with --port", []string{"serve", "--port", port}, exitFailed},
		"second gateway":       {taking, "stop it", []string{"serve", "--port", "0"}, exitFailed},
		"bad config":           {stateDir(t), "prot", []string{"serve", "--config", bad}, exitFailed},
		"config missing":       {stateDir(t), "does not exist", []string{"serve", "--config", bad + "x"}, exitFailed},
		"foreign database":     {foreign, "carapace.db", []string{"serve", "--port", "0"}, exitFailed},
		"bad bind":             {stateDir(t), "must be loopback (this machine only), lan or all", []string{"serve", "--bind", "everywhere"}, exitFailed},
		"bad bind in the file": {stateDir(t), "lan, all, tailnet", []string{"serve", "--config", badBind}, exitFailed},
		"no such address":      {stateDir(t), "this machine has no such address", []string{"serve", "--bind", "203.0.113.77", "--port", "0"}, exitFailed},
		"not a gateway":        {stateDir(t), "it answered 404", []string{"status", "--url", strings.Replace(other.URL, "http", "ws", 1)}, exitUnreachable},
		"bad port":             {stateDir(t), "from 0 to 65535", []string{"serve", "--port", "65536"}, exitUsage},
		"bad memory":           {stateDir(t), "--memory", []string{"serve", "--memory", "1x"}, exitUsage},
		"bad level":            {stateDir(t), "log level", []string{"serve", "--log-level", "loud"}, exitUsage},
		"unknown flag":         {stateDir(t), "unknown flag", []string{"serve", "--colour"}, exitUsage},
		"too many arguments":   {stateDir(t), `"now" is too much`, []string{"serve", "now"}, exitUsage},
		"unknown command":      {stateDir(t), "unknown command", []string{"sing"}, exitUsage},
		"no gateway runs":      {stateDir(t), "start one with `carapace`", []string{"status"}, exitUnreachable},
		"nobody answers":       {stateDir(t), "no gateway answers", []string{"status", "--url", "ws://127.0.0.1:1"}, exitUnreachable},
		"wrong token":          {stateDir(t), "token", []string{"status", "--url", running.URL, "--token", "wrong"}, exitFailed},
		"unknown plugin":       {taking, "there is no plugin", []string{"plugins", "info", "nope"}, exitFailed},
		"empty message":        {taking, "empty", []string{"chat", "--message", " "}, exitUsage},
		"chat needs terminal":  {taking, "needs a terminal", []string{"chat"}, exitUsage},
		"secret in the open":   {taking, "env:VARIABLE", []string{"setup", "openai", "--secret", "api_key=sk-123"}, exitUsage},
		"unknown setting":      {taking, "it has", []string{"setup", "openai", "--set", "colour=red"}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			r := carapace(t, c.state, c.args...)
			if r.code != c.code || !strings.Contains(r.err, c.says) {
				t.Fatalf("exit %d, want %d; want %q in %q", r.code, c.code, c.says, r.err)
			}
		})
	}
	if b, err := os.ReadFile(filepath.Join(foreign, "carapace.db")); err != nil || !strings.HasPrefix(string(b), "not a database") {
		t.Fatalf("the foreign file was changed: %v", err)
	}
}

func TestEveryClientCommandSpeaksJSON(t *testing.T) {
	state := stateDir(t)
	serve(t, state)
	must(t, state, "chat", "--message", "hello", "--json")
	for _, args := range [][]string{
		{"status"}, {"plugins", "list"}, {"plugins", "info", "telegram"}, {"sessions", "list"}, {"sessions", "show", "main"},
		{"logs"}, {"doctor"}, {"pairing", "list"}, {"devices", "list"}, {"delivery", "list"}, {"call", "health"},
	} {
		out := must(t, state, append(args, "--json")...)
		if !json.Valid([]byte(out)) {
			t.Errorf("carapace %s --json printed no JSON: %s", strings.Join(args, " "), out)
		}
	}
	for line := range strings.Lines(must(t, state, "sessions", "export", "main")) {
		if !json.Valid([]byte(line)) {
			t.Errorf("sessions export printed no JSON line: %s", line)
		}
	}
}

func TestCompletionAndHelp(t *testing.T) {
	state := stateDir(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := must(t, state, "completion", shell); len(out) < 500 {
			t.Errorf("completion %s: %q", shell, out)
		}
	}
	for _, name := range []string{"serve", "chat", "status", "logs", "doctor", "setup"} {
		if out := must(t, state, name, "--help"); !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help shows no example: %s", name, out)
		}
	}
	if out := must(t, state, "--version"); !strings.Contains(out, version) {
		t.Errorf("--version: %s", out)
	}
}

// TestWhatAnswersAndIsNoGateway: who is told to start a gateway has none; a gateway that is there is not to be started.
func TestWhatAnswersAndIsNoGateway(t *testing.T) {
	for says, err := range map[string]error{
		"start it":     wit.Errorf(wit.CodeUnavailable, "no gateway answers: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
		"suspended":    wit.Errorf(wit.CodeUnavailable, "no gateway answers: %w", context.DeadlineExceeded),
		"in a moment":  wit.NewError(wit.CodeUnavailable, "the gateway is stopping: connect again in a moment"),
		"no such host": wit.NewError(wit.CodeUnavailable, "no gateway answers at ws://nowhere: is it running? no such host"),
	} {
		got := unreachable("ws://127.0.0.1:18789", err)
		if !errors.As(got, new(unreachableError)) || !strings.Contains(got.Error(), says) {
			t.Errorf("%v is told as %v", err, got)
		}
	}
	if err := wit.NewError(wit.CodeUnauthorized, "the token is wrong"); unreachable("", err) != error(err) || unreachable("", nil) != nil {
		t.Error("what a gateway says is changed")
	}
}
