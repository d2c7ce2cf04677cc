package examples_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/pdk-examples/go-irc/toyirc"
)

// network is an IRC server of a test.
type network struct {
	*toyirc.Server
	t *testing.T
}

func newNetwork(t *testing.T) network {
	s, err := toyirc.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return network{s, t}
}

// config connects an account to it; delivery is further settings.
func (n network) config(delivery string) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"delivery":{%s},"channels":{"go-irc":{"accounts":{"home":{"dmPolicy":"open","config":{"server":%q,"nick":"bot","rooms":["#home"]}}}}}}`,
		delivery, n.URL())
}

// until waits until what the bot has said is ok, and it is there.
func (n network) until(what string, ok func(said []string) bool) {
	n.t.Helper()
	timeout := time.After(kerneltest.Patience)
	for {
		said, in, changed := n.Said()
		if in && ok(said) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			n.t.Fatalf("waited in vain until %s; the bot is there: %v, and has said %q", what, in, said)
		}
	}
}

// has waits until the bot has said something so often.
func (n network) has(text string, times int) {
	n.t.Helper()
	n.until(fmt.Sprintf("it has said %q %d times", text, times), func(said []string) bool { return times <= countOf(said, text) })
}

func countOf(said []string, text string) (n int) {
	for _, s := range said {
		if s == text {
			n++
		}
	}
	return n
}

// only fails if the bot has said something else than this.
func (n network) only(want ...string) {
	n.t.Helper()
	if said, _, _ := n.Said(); !slices.Equal(said, want) {
		n.t.Errorf("the bot has said %q, not %q", said, want)
	}
}

// messages lists the outgoing messages of a state.
func messages(l *kerneltest.Listener, state string) (texts []string) {
	var list struct {
		Messages []struct{ ID, State string }
	}
	l.MustCall("delivery.list", map[string]any{"state": state}, &list)
	for _, m := range list.Messages {
		texts = append(texts, m.ID)
	}
	return texts
}

// finished waits until so many messages are of a state.
func finished(l *kerneltest.Listener, state string, n int) []string {
	var list []string
	l.Until(fmt.Sprintf("%d messages are %s", n, state), func([]kerneltest.Event) bool {
		list = messages(l, state)
		return len(list) >= n
	})
	return list
}

// TestIRC: what somebody says is answered over the connection that it came on, and is delivered once the server has
// said it back, in order; a refusal is told; a connection that breaks loses nothing.
func TestIRC(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	l := start(t, []string{"go-irc"}, kerneltest.Config(t, n.config("")), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	n.until("it is there", func([]string) bool { return true })
	n.Say("ann", "bot", "hello")
	n.has("ann you said: hello", 1)
	finished(l, "sent", 1)

	n.Hold(true)
	send := func(key, to, text string) {
		t.Helper()
		l.MustCall("send", map[string]any{"channel": "go-irc", "to": to, "message": text, "idempotencyKey": key}, nil)
	}
	go func() { // the client waits for the outcome of the first
		n.has("bob one", 1)
		n.Hold(false)
	}()
	send("s1", "user:bob", "one")
	send("s2", "user:bob", "two\nthree")
	n.only("ann you said: hello", "bob one", "bob two", "bob three")
	if err := l.Call(t.Context(), "send", map[string]any{"channel": "go-irc", "to": "#closed", "message": "x", "idempotencyKey": "s3"}, nil); err == nil ||
		!strings.Contains(err.Error(), "Cannot send to channel") {
		t.Errorf("to where the bot may not speak: %v", err)
	}

	n.Hold(true)
	n.Say("ann", "bot", "again")
	n.has("ann you said: again", 1)
	n.Hold(false)
	n.Hold(true)
	n.Say("ann", "bot", "and again")
	n.has("ann you said: and again", 1)
	n.Break()
	n.has("ann you said: and again", 2) // IRC cannot tell that it has it
	n.Hold(false)
	finished(l, "sent", 5)
	if held := messages(l, "held"); len(held) > 0 {
		t.Errorf("held: %q", held)
	}
}

// TestIRCUpgrade: the plugin is replaced while a message waits for its confirmation, which the new one brings.
func TestIRCUpgrade(t *testing.T) {
	t.Parallel()
	n, state := newNetwork(t), t.TempDir()
	folder := filepath.Join(state, "plugins", "go-irc")
	drop(t, folder, "go-irc")
	l := kerneltest.Start(t, kerneltest.Config(t, n.config("")), kerneltest.Plugin(kerneltest.Echo("echo")),
		kerneltest.StateDir(state), kerneltest.Compiled(t)).Listen()
	n.until("it is there", func([]string) bool { return true })
	n.Hold(true)
	n.Say("ann", "bot", "hello")
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
	n.Hold(false)
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
			n, dir := newNetwork(t), t.TempDir()
			n.Hold(true)
			v := startVictim(t, dir, "go-irc", n.config(delivery))
			n.until("it is there", func([]string) bool { return true })
			n.Say("ann", "bot", "hello")
			n.has("ann you said: hello", 1)
			v.kill()
			n.Hold(false)

			l := kerneltest.Start(t, kerneltest.Config(t, n.config(delivery)), kerneltest.Plugin(kerneltest.Echo("echo")),
				kerneltest.StateDir(dir), kerneltest.Compiled(t)).Listen()
			if delivery != "" {
				held := finished(l, "held", 1)
				n.until("it is there", func([]string) bool { return true })
				n.only("ann you said: hello")
				l.MustCall("delivery.release", map[string]any{"id": held[0]}, nil)
			}
			n.has("ann you said: hello", 2)
			finished(l, "sent", 1)
			n.only("ann you said: hello", "ann you said: hello")
		})
	}
}
