package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
)

// TestAnAccountThatIsAwayIsMarked by status and doctor, and one that is connected or off is not; that nobody is named as
// the owner is said until somebody is.
func TestAnAccountThatIsAwayIsMarked(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	if out := must(t, state, "doctor"); !strings.Contains(out, "✓ access ") || !strings.Contains(out, "✓ channels     0 accounts\n") {
		t.Errorf("%s", out)
	}
	server := botapitest.New(botapitest.Config{Token: botToken})
	bots, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			_ = server.Close()
		}
	})
	must(t, state, "setup", "telegram", "--secret", "botToken=env:BOT", "--set", "apiRoot="+bots)
	if out := squeeze(must(t, state, "status")); !strings.Contains(out, "\n✓ telegram/default connected\n") {
		t.Errorf("%s", out)
	}
	out := must(t, state, "doctor")
	for _, want := range []string{"✓ channels     1 account\n", "! access       no owner is named: ", "→ `carapace pairing owner CHANNEL ID` names you; /whoami in a chat shows both"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	must(t, state, "pairing", "owner", "telegram", "4711")
	if out := must(t, state, "doctor"); !strings.Contains(out, "✓ access ") {
		t.Errorf("%s", out)
	}

	_ = server.Close()
	closed = true
	await(t, "the account to be away", func() bool {
		return strings.Contains(squeeze(must(t, state, "status")), "\n! telegram/default disconnected ")
	})
	if out := must(t, state, "doctor"); !strings.Contains(out, "! channels     telegram/default: disconnected: ") || !strings.Contains(out, "→ it goes on trying; `carapace logs` shows why") {
		t.Errorf("%s", out)
	}
	must(t, state, "config", "set", "channels.telegram.accounts.default.enabled", "false")
	await(t, "the account to be off", func() bool {
		return strings.Contains(squeeze(must(t, state, "status")), "\n✓ telegram/default disabled")
	})
	if out := must(t, state, "doctor"); !strings.Contains(out, "✓ channels     1 account\n") {
		t.Errorf("%s", out)
	}
}

// TestTheFirstStartSays where the key of the credentials is and that this is fine, and who answers for now.
func TestTheFirstStartSays(t *testing.T) {
	state := stateDir(t)
	t.Setenv("XDG_RUNTIME_DIR", "") // no keyring is there
	g := serve(t, state)
	if want := "no system keyring here, which is fine: the key of the credentials is kept in " + filepath.Join(state, "secret.key") + ", which only you can read"; !strings.Contains(g.Log(), want) {
		t.Errorf("no %q in\n%s", want, g.Log())
	}
	for _, c := range []struct {
		file config.Config
		says bool
	}{
		{config.Config{}, true},
		{config.Config{Agent: config.Agent{Model: "openai/x"}}, false},
		{config.Config{Plugins: map[string]config.Plugin{"openai": {}}}, false},
	} {
		var banner strings.Builder
		greet(&banner, kernel.Endpoint{URL: g.URL}, &c.file)
		if says := strings.Contains(banner.String(), "until a model is connected, the offline provider answers"); says != c.says {
			t.Errorf("%+v: %s", c.file, &banner)
		}
	}
}
