package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/pdk-examples/go-irc/toyirc"
)

func ircConfig(s *toyirc.Server, delivery string) string {
	return online("go-irc", fmt.Sprintf(`"server":%q,"nick":"bot","rooms":["#home"]`, s.URL()), delivery)
}

// TestIRC: what somebody says is answered over the connection that it came on, and is delivered once the server has
// said it back, in order; a refusal is told; a connection that breaks loses nothing.
func TestIRC(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, toyirc.Listen)
	l := start(t, []string{"go-irc"}, kerneltest.Config(t, ircConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	n.there()
	n.toy.Say("ann", "bot", "hello")
	n.has("ann you said: hello", 1)
	finished(l, "sent", 1)

	n.toy.Hold(true)
	send := func(key, to, text string) {
		t.Helper()
		l.MustCall("send", map[string]any{"channel": "go-irc", "to": to, "message": text, "idempotencyKey": key}, nil)
	}
	go func() { // the client waits for the outcome of the first
		n.has("bob one", 1)
		n.toy.Hold(false)
	}()
	send("s1", "user:bob", "one")
	send("s2", "user:bob", "two\nthree")
	n.only("ann you said: hello", "bob one", "bob two", "bob three")
	if err := l.Call(t.Context(), "send", map[string]any{"channel": "go-irc", "to": "#closed", "message": "x", "idempotencyKey": "s3"}, nil); err == nil ||
		!strings.Contains(err.Error(), "Cannot send to channel") {
		t.Errorf("to where the bot may not speak: %v", err)
	}

	n.toy.Hold(true)
	n.toy.Say("ann", "bot", "again")
	n.has("ann you said: again", 1)
	n.toy.Hold(false)
	n.toy.Hold(true)
	n.toy.Say("ann", "bot", "and again")
	n.has("ann you said: and again", 1)
	n.toy.Break()
	n.has("ann you said: and again", 2) // IRC cannot tell that it has it
	n.toy.Hold(false)
	finished(l, "sent", 5)
	if held := messages(l, "held"); len(held) > 0 {
		t.Errorf("held: %q", held)
	}
}

// TestIRCUpgrade: the plugin is replaced while a message waits for its confirmation, which the new one brings.
func TestIRCUpgrade(t *testing.T) {
	t.Parallel()
	n, state := newNetwork(t, toyirc.Listen), t.TempDir()
	folder := filepath.Join(state, "plugins", "go-irc")
	drop(t, folder, "go-irc")
	l := kerneltest.Start(t, kerneltest.Config(t, ircConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo")),
		kerneltest.StateDir(state), kerneltest.Compiled(t)).Listen()
	n.there()
	n.toy.Hold(true)
	n.toy.Say("ann", "bot", "hello")
	n.has("ann you said: hello", 1)
	manifest, err := os.ReadFile(filepath.Join(folder, "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Replace(string(manifest), `"version": "1.0.0"`, `"version": "2.0.0"`, 1)
	if err := os.WriteFile(filepath.Join(folder, "plugin.json"), []byte(next), 0o644); err != nil {
		t.Fatal(err)
	}
	l.Until("the new version is there", func([]kerneltest.Event) bool {
		var status struct {
			Plugins []struct{ ID, Version string }
		}
		l.MustCall("plugins.status", nil, &status)
		return slices.ContainsFunc(status.Plugins, func(p struct{ ID, Version string }) bool { return p.ID == "go-irc" && p.Version == "2.0.0" })
	})
	n.toy.Hold(false)
	finished(l, "sent", 1)
	n.only("ann you said: hello")
}

// TestIRCStopped: a stop waits for what is confirmed soon, so that it is not said again.
func TestIRCStopped(t *testing.T) {
	t.Parallel()
	n, dir := newNetwork(t, toyirc.Listen), t.TempDir()
	drop(t, filepath.Join(dir, "plugins", "go-irc"), "go-irc")
	boot := func() *kerneltest.Kernel {
		return kerneltest.Start(t, kerneltest.Config(t, ircConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo")),
			kerneltest.StateDir(dir), kerneltest.Compiled(t))
	}
	k := boot()
	n.there()
	n.toy.Hold(true)
	n.toy.Say("ann", "bot", "hello")
	n.has("ann you said: hello", 1)
	client, stopped := k.Dial(), make(chan struct{})
	go func() {
		defer close(stopped)
		k.Stop()
	}()
	<-client.Done() // clients are let go first
	n.toy.Hold(false)
	<-stopped
	l := boot().Listen()
	n.there()
	finished(l, "sent", 1)
	n.only("ann you said: hello")
}

// TestIRCKilled: the gateway is killed between the frame and its confirmation. The message is not lost; it is said again,
// since IRC cannot tell, unless the owner wants to be asked.
func TestIRCKilled(t *testing.T) {
	t.Parallel()
	for name, delivery := range map[string]string{"resend": "", "hold": `"afterCrash":"hold"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, dir := newNetwork(t, toyirc.Listen), t.TempDir()
			n.toy.Hold(true)
			v := startVictim(t, dir, "go-irc", ircConfig(n.toy, delivery))
			n.there()
			n.toy.Say("ann", "bot", "hello")
			n.has("ann you said: hello", 1)
			v.kill()
			n.toy.Hold(false)

			l := kerneltest.Start(t, kerneltest.Config(t, ircConfig(n.toy, delivery)), kerneltest.Plugin(kerneltest.Echo("echo")),
				kerneltest.StateDir(dir), kerneltest.Compiled(t)).Listen()
			if delivery != "" {
				held := finished(l, "held", 1)
				n.there()
				n.only("ann you said: hello")
				l.MustCall("delivery.release", map[string]any{"id": held[0]}, nil)
			}
			n.has("ann you said: hello", 2)
			finished(l, "sent", 1)
			n.only("ann you said: hello", "ann you said: hello")
		})
	}
}
