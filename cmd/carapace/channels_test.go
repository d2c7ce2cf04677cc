package main

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// TestALoginByACode: an account that its platform does not know yet is set up all the same, and its owner shown the code until it
// was scanned.
func TestALoginByACode(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	daemon := signaltest.New(signaltest.Config{Unlinked: true})
	url, err := daemon.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Close() })
	if out := must(t, state, "channels", "list"); !strings.Contains(out, "`carapace setup` lists the channels") {
		t.Errorf("%s", out)
	}
	out := must(t, state, "setup", "signal", "--set", "url="+url, "--set", "account="+signaltest.DefaultAccount)
	if !strings.Contains(out, "Signal is set up, and has to be logged in: `carapace channels login signal default`\n") {
		t.Errorf("%s", out)
	}
	if out := must(t, state, "channels", "list", "signal"); !strings.Contains(out, "needs login") || !strings.Contains(out, "Linked devices") || strings.Contains(out, daemon.Linking()) {
		t.Errorf("%s", out)
	}
	if r := carapace(t, state, "doctor"); !strings.Contains(r.out, "`carapace channels login signal default` shows the code") {
		t.Errorf("%s", r.out)
	}
	screen := terminaltest.Start(t, command(t.Context(), t, state, "channels", "login", "signal"))
	screen.Await(t, daemon.Linking())
	if raw := screen.Raw(); !strings.Contains(raw, "█▀▀▀▀▀█") || !strings.Contains(raw, "\x1b[30;107m") {
		t.Errorf("no code is drawn:\n%s", raw)
	}
	daemon.Scan()
	screen.Await(t, "signal is connected as "+signaltest.DefaultAccount)
	screen.AwaitEnd(t)
	if out := must(t, state, "channels", "list", "--probe"); !strings.Contains(out, " connected ") {
		t.Errorf("%s", out)
	}
	if out := must(t, state, "channels", "login", "signal"); out != "signal is connected as "+signaltest.DefaultAccount+"\n" {
		t.Errorf("again: %s", out)
	}
	for does, is := range map[string]string{"stop": "off", "start": "connected", "logout": "off"} {
		t.Run(does, func(t *testing.T) {
			must(t, state, "channels", does, "signal", "default")
			if does == "start" {
				must(t, state, "channels", "login", "signal") // waits until it is connected
			}
			if out := must(t, state, "channels", "list", "signal"); !strings.Contains(out, " "+is+" ") {
				t.Errorf("%s", out)
			}
		})
	}
}

// TestALoginThatFails says why, and does not wait.
func TestALoginThatFails(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	if r := carapace(t, state, "channels", "login", "signal"); r.code == 0 || !strings.Contains(r.err, "signal has no account: set one up first") {
		t.Errorf("%+v", r)
	}
	must(t, state, "setup", "signal", "--no-test", "--set", "url=http://127.0.0.1:9", "--set", "account=+15550100")
	if r := carapace(t, state, "channels", "login", "signal"); r.code == 0 || !strings.Contains(r.err, "signal is not connected: ") {
		t.Errorf("%+v", r)
	}
}
