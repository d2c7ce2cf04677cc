package system_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

type diagnosis struct {
	OK     bool
	Checks []service.Check
}

func (d diagnosis) check(t *testing.T, name string) service.Check {
	t.Helper()
	i := slices.IndexFunc(d.Checks, func(c service.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %s in %+v", name, d)
	}
	return d.Checks[i]
}

// TestAHealthyGateway says so in each of its ways.
func TestAHealthyGateway(t *testing.T) {
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")),
		kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, p.URL)))
	l := k.Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": "home", "secrets": map[string]string{"token": "platform-token"}}, nil)
	p.Say("ann", "hello")
	p.Answered("you said: hello")

	var health system.Health
	l.MustCall("health", nil, &health)
	if chat := health.Channels["chat"]; !health.OK || health.Sessions.Count != 1 || !chat.Linked {
		t.Errorf("%+v", health)
	}
	var status system.Status
	l.MustCall("status", nil, &status)
	if status.Model != "echo/model" || status.Plugins["ready"] != 2 || len(status.Channels) != 1 || status.Channels[0].State != "connected" {
		t.Errorf("%+v", status)
	}
	var d diagnosis
	l.MustCall("doctor", nil, &d)
	if !d.OK {
		t.Errorf("%+v", d)
	}
}

// TestTheDoctorFindsWhatIsWrong: a broken plugin, an account that cannot work, settings that do not fit,
// no model, each with what to do.
func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	state := t.TempDir()
	broken := filepath.Join(state, "plugins", "broken")
	if err := os.MkdirAll(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "plugin.json"), []byte(`{"id":"broken"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Plugin(kerneltest.Channel("chat")),
		kerneltest.Config(t, `{"channels":{"chat":{"accounts":{"home":{"config":{"rooot":"x"}}}}}}`))
	l := k.Listen()
	var d diagnosis
	l.Until("the account fails", func([]kerneltest.Event) bool {
		l.MustCall("doctor", nil, &d)
		return !d.check(t, "channels").OK
	})
	for name, want := range map[string]string{"plugin broken": "is missing", "settings": "rooot", "model": "no provider", "channels": "chat/home"} {
		if c := d.check(t, name); c.OK || !strings.Contains(c.Message, want) || c.Hint == "" {
			t.Errorf("%+v", c)
		}
	}
	if d.OK || !d.check(t, "database").OK {
		t.Errorf("%+v", d)
	}
}

// TestTheModelHasAName: the provider's alone where it has no default to name, and none where nothing can answer.
func TestTheModelHasAName(t *testing.T) {
	quiet := kerneltest.Echo("quiet")
	quiet.Manifest.Provides.Provider.DefaultModel = nil
	for want, plugin := range map[string]plugintest.Fake{"": kerneltest.Channel("chat"), "quiet": quiet, "echo/model": kerneltest.Echo("echo")} {
		l := kerneltest.Start(t, kerneltest.Plugin(plugin)).Listen()
		var status system.Status
		l.MustCall("status", nil, &status)
		if status.Model != want {
			t.Errorf("the model is %q, want %q", status.Model, want)
		}
		var d diagnosis
		l.MustCall("doctor", nil, &d)
		if c := d.check(t, "model"); c.OK != (want != "") || c.OK && c.Message != want {
			t.Errorf("%q: %+v", want, c)
		}
	}
}

// TestConfigure sets a plugin up, and refuses what does not fit with a reason that names it.
func TestConfigure(t *testing.T) {
	state := t.TempDir()
	asked := make(chan string, 10)
	echo := kerneltest.Echo("echo")
	other := kerneltest.Provider("other", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		asked <- string(c.Config)
		return kerneltest.Says("other"), nil
	})
	other.Manifest.Config = wit.JSON(`{"type":"object","additionalProperties":false,"properties":{"mood":{"enum":["good","bad"]}}}`)
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Plugin(echo, other))
		return k, k.Listen()
	}
	k, l := boot()
	for params, want := range map[string]string{
		`{"id":"other"}`:                                "nothing to configure",
		`{"id":"nobody","enabled":true}`:                "nobody",
		`{"id":"other","config":{"mood":"odd"}}`:        "mood",
		`{"id":"other","config":[]}`:                    "object",
		`{"id":"other","secrets":{"key":"x"}}`:          "key",
		`{"id":"other","account":"Ä","enabled":true}`:   "account",
		`{"id":"other","secrets":{},"surprise":"else"}`: "surprise",
	} {
		err := l.Call(t.Context(), "plugins.configure", json.RawMessage(params), nil)
		if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeNotFound || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%s)", params, err, code)
		}
	}
	l.MustCall("plugins.configure", json.RawMessage(`{"id":"other","config":{"mood":"good"}}`), nil)
	l.MustCall("plugins.configure", json.RawMessage(`{"id":"echo","enabled":false}`), nil)
	l.Event("plugins.changed", func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"echo"`) && strings.Contains(string(b), `"stopped"`)
	})
	for round := range 2 {
		if got := l.Ask(fmt.Sprint("r", round), "hi"); got != "other" {
			t.Errorf("start %d: %q answers", round, got)
		}
		if got := <-asked; !strings.Contains(got, `"good"`) {
			t.Errorf("start %d: its settings are %s", round, got)
		}
		k.Stop()
		k, l = boot()
	}
}

// TestTheLogIsTailed from where a client stopped reading.
func TestTheLogIsTailed(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	type tail struct {
		Lines  []string
		Cursor int64
	}
	var first, second tail
	l.MustCall("logs.tail", nil, &first)
	if len(first.Lines) == 0 || first.Cursor == 0 {
		t.Errorf("%+v", first)
	}
	l.MustCall("logs.tail", map[string]any{"cursor": first.Cursor}, &second)
	for _, line := range second.Lines { // what was logged meanwhile may be there
		if slices.Contains(first.Lines, line) {
			t.Errorf("read again: %s", line)
		}
	}
	if line, ok := logs.ParseLine(first.Lines[0]); !ok || line.Meta.Level == "" || line.Text == "" {
		t.Errorf("line %q", first.Lines[0])
	}
	for _, params := range []map[string]any{{"limit": 1_000_000}, {"limit": 0}, {"cursor": -1}, {"maxBytes": 0}} {
		if err := l.Call(t.Context(), "logs.tail", params, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v: %v", params, err)
		}
	}
}

// TestStatusAsClientsAskForIt: with or without a summary of the channels, and by agent.
func TestStatusAsClientsAskForIt(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("chat")),
		kerneltest.Config(t, `{"channels":{"chat":{"accounts":{"home":{"enabled":false}}}}}`))
	l := k.Listen()
	l.MustCall("sessions.patch", map[string]any{"key": "main", "label": "x"}, nil)
	for include, want := range map[bool]int{true: 1, false: 0} {
		var s system.Status
		l.MustCall("status", map[string]any{"includeChannelSummary": include}, &s)
		if len(s.ChannelSummary) != want || s.Sessions.Count != 1 {
			t.Errorf("includeChannelSummary %v: %+v", include, s)
		}
		if by := s.Sessions.ByAgent; len(by) != 1 || by[0].AgentID != "main" || by[0].Count != 1 || len(by[0].Recent) != 1 || by[0].Path != s.Sessions.Paths[0] {
			t.Errorf("by agent: %+v", by)
		}
	}
}

// TestDoctorNeedsTheOwner, since it reads all of the database.
func TestDoctorNeedsTheOwner(t *testing.T) {
	k := kerneltest.Start(t)
	c, err := k.TryDial(client.Options{Token: kerneltest.Token, Scopes: []wire.Scope{wire.ScopeRead, wire.ScopeWrite}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), "doctor", nil, nil); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("doctor: %v", err)
	}
}

// mistakes is a console that tells of each config file that cannot be used.
type mistakes chan struct{}

func (m mistakes) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "the config file cannot be used") {
		m <- struct{}{}
	}
	return len(line), nil
}

// TestABrokenFileShowsNoSecret to those who mend it; what they write back has the secrets that it had.
func TestABrokenFileShowsNoSecret(t *testing.T) {
	seen := make(mistakes, 1)
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Log(seen),
		kerneltest.Config(t, `{"gateway":{"password":"canary-password"},"plugins":{"gone":{"config":{"key":"canary-key"}}}}`))
	dial := func(scope wire.Scope) *client.Client {
		c, err := k.TryDial(client.Options{Password: "canary-password", MinProtocol: 4, Scopes: []wire.Scope{scope}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	owner, reader := dial(wire.ScopeAdmin), dial(wire.ScopeRead)
	var now system.ConfigResult
	get := func(c *client.Client) string {
		t.Helper()
		if err := c.Call(t.Context(), "config.get", nil, &now); err != nil {
			t.Fatal(err)
		}
		if b, _ := json.Marshal(now); strings.Contains(string(b), "canary") {
			t.Errorf("%s", b)
		}
		return now.Raw
	}
	for _, tt := range []struct{ text, seen string }{
		{`{"gateway":{"password":"canary-password"},"plugins":{"gone":{"config":{"key":"canary-key"}}},"agnt":{"name":"Ada"}}`, "agnt"},
		{`{"gateway":{"password":"canary-password"},"plugins":{"gone":{"config":{"key":"canary-key"}}},"agent":{"name":"Ada"}`, ""},
	} {
		get(owner)
		path := now.Path
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		<-seen
		if raw := get(reader); !strings.Contains(raw, tt.seen) || (raw == "") != (tt.seen == "") {
			t.Errorf("who may read sees %s", raw)
		}
		raw := get(owner)
		mended := strings.Replace(raw, "agnt", "agent", 1)
		if tt.seen == "" {
			mended += "}"
		}
		if err := owner.Call(t.Context(), "config.set", map[string]any{"raw": mended, "baseHash": now.Hash}, nil); err != nil {
			t.Fatalf("%s: %v", mended, err)
		}
		b, err := os.ReadFile(path)
		if err != nil || strings.Count(string(b), "canary") != 2 || !strings.Contains(string(b), "Ada") {
			t.Errorf("%s %v", b, err)
		}
	}
}

// TestSetupKeepsWhatItWasNotShown: an address with its password hidden, as the settings show it, is the one that there is.
func TestSetupKeepsWhatItWasNotShown(t *testing.T) {
	const root = "http://u:canary-url@127.0.0.1:1"
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Plugin(kerneltest.Channel("chat")),
		kerneltest.Config(t, `{"channels":{"chat":{"accounts":{"home":{"enabled":false,"config":{"root":"`+root+`"}}}}}}`))
	l := k.Listen()
	var now system.ConfigResult
	l.MustCall("config.get", nil, &now)
	section := now.Config.Channels["chat"].Accounts["home"].Config
	if strings.Contains(string(section), "canary") || !strings.Contains(string(section), "127.0.0.1") {
		t.Fatalf("%s", section)
	}
	configure := func(section string) error {
		return l.Call(t.Context(), "plugins.configure", map[string]any{"id": "chat", "account": "home", "config": json.RawMessage(section)}, nil)
	}
	if err := configure(string(section)); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(now.Path); err != nil || !strings.Contains(string(b), root) {
		t.Errorf("%s %v", b, err)
	}
	if err := configure(`{"root":"http://u:xxxxx@elsewhere"}`); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "write the value itself") {
		t.Errorf("%v", err)
	}
}
