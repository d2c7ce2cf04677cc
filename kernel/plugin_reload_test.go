package kernel_test

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
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// guest is the code of a tool of this version.
func guest(t *testing.T, version string) []byte {
	t.Helper()
	return wasm(t, "guest", version)
}

func guestManifest(version string, change ...func(*wit.Manifest)) wit.Manifest {
	m := wit.Manifest{ID: "guest", Name: "Guest", Version: version, Description: "does what it is told", ABI: 1, Entry: "plugin.wasm",
		Provides:    wit.Provides{Tools: []wit.ToolDefinition{{Name: "guest", Description: "does", Parameters: wit.JSON(`{"type":"object"}`), Effects: []wit.Effect{wit.EffectReads}}}},
		Permissions: wit.Permissions{KV: &wit.Permission{Reason: "to wait"}}}
	for _, c := range change {
		c(&m)
	}
	return m
}

// put writes files into a plugin's folder, each at once.
func put(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plugin.wasm", "plugin.json"} {
		b, ok := files[name]
		if !ok {
			continue
		}
		tmp := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(tmp, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func marshal(m wit.Manifest) []byte { return wit.Marshal(&m) }

// hand is a provider that has the tool guest do what it is told and says what came of it.
func hand() kerneltest.Option {
	return kerneltest.Plugin(kerneltest.Provider("hand", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		last := c.Turns[len(c.Turns)-1]
		if last.Role == wit.RoleTool {
			return kerneltest.Says(*last.Content[0].Text), nil
		}
		args := wit.JSON(fmt.Sprintf(`{"do":%q}`, kerneltest.Heard(c)))
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "guest", Args: args}}, Stop: new(wit.StopReasonToolCalls)}, nil
	}))
}

// teller has the guest do things, each in a session of its own.
type teller struct {
	*kerneltest.Listener
	n int
}

func (l *teller) begin(do string) (run string) {
	l.n++
	run = fmt.Sprint(do, " ", l.n)
	l.MustCall("chat.send", map[string]any{"sessionKey": fmt.Sprint("s", l.n), "message": do, "idempotencyKey": run}, nil)
	return run
}

func (l *teller) end(run string) string { return kerneltest.Text(l.End(run).Message) }
func (l *teller) tell(do string) string { return l.end(l.begin(do)) }

// changed waits for a step of a plugin's life after the first seen events, and counts on.
func (l *teller) changed(seen *int, want plugin.Changed) plugin.Changed {
	var found plugin.Changed
	l.Until(fmt.Sprintf("%+v", want), func(events []client.Event) bool {
		for i, e := range events[min(*seen, len(events)):] {
			if e.Name != "plugins.changed" || json.Unmarshal(e.Payload, &found) != nil {
				continue
			}
			if found.ID == want.ID && found.State == want.State && (want.Version == "" || found.Version == want.Version) {
				*seen += i + 1
				return true
			}
		}
		return false
	})
	return found
}

// TestAPluginsLife drops a plugin into the folder of a running gateway, upgrades it while it works,
// breaks it, makes it ask for more, and takes it away.
func TestAPluginsLife(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "guest")
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	seen := 0
	if got := l.tell("say"); !strings.Contains(got, "guest") {
		t.Errorf("without the tool: %q", got)
	}

	v1, v2, v3 := guest(t, "v1"), guest(t, "v2"), guest(t, "v3")
	put(t, dir, map[string][]byte{"plugin.wasm": v1, "plugin.json": marshal(guestManifest("1.0.0"))})
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateVerified})
	if got := l.tell("say"); got != "v1" {
		t.Fatalf("%q", got)
	}

	held := l.begin("hold")
	l.Event("agent", func(b json.RawMessage) bool {
		return strings.Contains(string(b), held) && strings.Contains(string(b), `"tool"`)
	})
	put(t, dir, map[string][]byte{"plugin.wasm": v2, "plugin.json": marshal(guestManifest("2.0.0"))})
	if c := l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "2.0.0"}); c.PreviousVersion != "1.0.0" {
		t.Errorf("%+v", c)
	}
	if got := l.tell("say"); got != "v2" {
		t.Errorf("after the upgrade: %q", got)
	}
	l.tell("release")
	if got := l.end(held); got != "v1" {
		t.Errorf("the call that was under way ended on %q", got)
	}

	for what, broken := range map[string]struct {
		code []byte
		want string
	}{
		"text":        {[]byte("I am no code"), ""},
		"cut off":     {v1[:100_000], ""},
		"a component": {[]byte("\x00asm\x0d\x00\x01\x00"), "component"},
	} {
		put(t, dir, map[string][]byte{"plugin.wasm": broken.code})
		c := l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateFailed})
		if c.Reason == "" || !strings.Contains(c.Reason, broken.want) {
			t.Errorf("%s: %+v", what, c)
		}
		d := info(l.Listener, "guest")
		if d.Update == nil || d.Update.Reason == "" || d.Update.Hint == "" || d.Version != "2.0.0" {
			t.Errorf("%s: %+v", what, d.Update)
		} else {
			t.Logf("%s: %s (%s)", what, d.Update.Reason, d.Update.Hint)
		}
		if got := l.tell("say"); got != "v2" {
			t.Errorf("%s: the old one says %q", what, got)
		}
	}
	put(t, dir, map[string][]byte{"plugin.json": []byte(`{"id":"guest","colour":"red"}`)})
	if c := l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateFailed}); !strings.Contains(c.Reason, "colour") {
		t.Errorf("an unknown field: %+v", c)
	}

	bold := guestManifest("3.0.0", func(m *wit.Manifest) {
		m.Permissions.HTTP = &wit.HTTPPermission{Reason: "to look things up", Hosts: []string{"api.example.org"}}
	})
	put(t, dir, map[string][]byte{"plugin.wasm": v3, "plugin.json": marshal(bold)})
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateFailed, Version: "3.0.0"})
	d := info(l.Listener, "guest")
	if d.Update == nil || !slices.ContainsFunc(d.Update.Lacking, func(s string) bool { return strings.Contains(s, "api.example.org") }) {
		t.Errorf("it asks for more: %+v", d.Update)
	}
	if got := l.tell("say"); got != "v2" {
		t.Errorf("not granted, and says %q", got)
	}
	grant(l.Listener, "guest")
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "3.0.0"})
	if got := l.tell("say"); got != "v3" {
		t.Errorf("granted, and says %q", got)
	}

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateStopped, Version: "3.0.0"})
	if got := l.tell("say"); strings.HasPrefix(got, "v") {
		t.Errorf("removed, and says %q", got)
	}
}

func info(l *kerneltest.Listener, id string) plugin.Details {
	var d plugin.Details
	l.MustCall("plugins.info", map[string]any{"id": id}, &d)
	return d
}

// TestABuiltInIsReplaced by a plugin of the same id in the state directory, and comes back.
func TestABuiltInIsReplaced(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "calc")
	k := stock(t, kerneltest.StateDir(state))
	l := k.Listen()
	if got := l.Ask("r1", "what is 2*3?"); !strings.Contains(got, "6") {
		t.Fatalf("%q", got)
	}
	mine := guestManifest("9.0.0", func(m *wit.Manifest) {
		m.ID, m.Name = "calc", "My calculator"
		m.Provides.Tools[0].Name = "calc"
	})
	put(t, dir, map[string][]byte{"plugin.wasm": guest(t, "mine"), "plugin.json": marshal(mine)})
	ready := func(version string) {
		t.Helper()
		l.Event("plugins.changed", func(b json.RawMessage) bool {
			var c plugin.Changed
			return json.Unmarshal(b, &c) == nil && c.ID == "calc" && c.Version == version && c.State == plugin.StateReady && c.PreviousVersion != ""
		})
	}
	// It asks for more than the built-in did.
	l.Event("plugins.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), "needs grant") })
	if got := l.Ask("r2", "what is 2*3?"); !strings.Contains(got, "6") {
		t.Errorf("not granted yet: %q", got)
	}
	grant(l, "calc")
	ready("9.0.0")
	if got := l.Ask("r3", "what is 2*3?"); !strings.Contains(got, "mine") {
		t.Errorf("replaced: %q", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ready("1.0.0")
	if got := l.Ask("r4", "what is 2*3?"); !strings.Contains(got, "6") {
		t.Errorf("back again: %q", got)
	}
}

// grant gives a plugin what it waits for, as it is shown.
func grant(l *kerneltest.Listener, id string) {
	digest := ""
	if waiting := info(l, id).Waiting; waiting != nil {
		digest = waiting.Digest
	}
	l.MustCall("plugins.grant", plugin.GrantParams{ID: id, Digest: digest}, nil)
}

// TestAnUpdateThatCannotStartReplacesNothing: one that dies or loops in its start, live; and after a restart what worked
// before it runs, until its own folder is gone.
func TestAnUpdateThatCannotStartReplacesNothing(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	dir := filepath.Join(state, "plugins", "guest")
	put(t, dir, map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(guestManifest("1.0.0"))})
	starts := 0
	boot := func() (*kerneltest.Kernel, *teller) {
		starts++
		k := kerneltest.Start(t, kerneltest.StateDir(state), hand())
		return k, &teller{Listener: k.Listen(), n: 100 * starts}
	}
	k, l := boot()
	seen := 0
	if got := l.tell("say"); got != "v1" {
		t.Fatalf("it says %q", got)
	}
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "1.0.0"})
	for i, how := range []string{"dies", "loops"} {
		version := fmt.Sprint(2+i, ".0.0")
		put(t, dir, map[string][]byte{"plugin.wasm": guest(t, how), "plugin.json": marshal(guestManifest(version))})
		if c := l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateFailed, Version: version}); !strings.Contains(c.Reason, "cannot be started") {
			t.Errorf("%s: %+v", how, c)
		}
		if got := l.tell("say"); got != "v1" {
			t.Errorf("an update that %s replaced it: %q", how, got)
		}
	}
	bold := guestManifest("4.0.0", func(m *wit.Manifest) { m.Permissions.Emit = &wit.Permission{Reason: "to tell"} })
	put(t, dir, map[string][]byte{"plugin.wasm": guest(t, "v2"), "plugin.json": marshal(bold)})
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateFailed, Version: "4.0.0"})
	k.Stop()
	k, l = boot()
	if got := l.tell("say"); got != "v1" {
		t.Errorf("after a restart it says %q", got)
	}
	if d := info(l.Listener, "guest"); d.Version != "1.0.0" || d.Waiting == nil || d.Waiting.Version != "4.0.0" {
		t.Errorf("%+v", d)
	}
	grant(l.Listener, "guest")
	seen = 0
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateReady, Version: "4.0.0"})
	k.Stop()
	_, l = boot()
	if got := l.tell("say"); got != "v2" {
		t.Errorf("granted and after another restart it says %q", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	seen = 0
	l.changed(&seen, plugin.Changed{ID: "guest", State: plugin.StateStopped})
	if left, _ := os.ReadDir(filepath.Join(state, "kept")); len(left) > 0 {
		t.Errorf("%v is kept of what is gone", left)
	}
}
