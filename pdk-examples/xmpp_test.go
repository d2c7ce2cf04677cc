package examples_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/pdk-examples/go-xmpp/toyxmpp"
	"github.com/carapace-gateway/carapace/wit"
)

func xmppNetwork(t *testing.T) (n network[*toyxmpp.Server], trust kerneltest.Option) {
	t.Helper()
	certificates, trust := certificate(t)
	return newNetwork(t, func() (*toyxmpp.Server, error) { return toyxmpp.Listen(certificates) }), trust
}

func xmppConfig(s *toyxmpp.Server, delivery string) string {
	return online("go-xmpp", fmt.Sprintf(`"server":%q,"jid":%q`, s.URL(), toyxmpp.JID), delivery)
}

// TestXMPP: what somebody says is answered over the encrypted connection; a wrong password waits for another; a connection that
// breaks goes on, with what came meanwhile.
func TestXMPP(t *testing.T) {
	t.Parallel()
	n, trust := xmppNetwork(t)
	l := start(t, []string{"go-xmpp"}, trust, kerneltest.Config(t, xmppConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	configure(l, "go-xmpp", "home", "password", "wrong-password")
	l.Event("channels.changed", func(payload json.RawMessage) bool {
		return strings.Contains(string(payload), string(wit.ConnectionStateNeedsLogin))
	})
	configure(l, "go-xmpp", "home", "password", toyxmpp.Password)
	n.there()
	n.toy.Say("ann@toy.example", "2 &gt; 1")
	n.has("ann@toy.example you said: 2 > 1", 1)
	finished(l, "sent", 1)
	n.toy.Break()
	n.toy.Say("bob@toy.example", "are you there?")
	n.has("bob@toy.example you said: are you there?", 1)
	finished(l, "sent", 2)
	n.only("ann@toy.example you said: 2 > 1", "bob@toy.example you said: are you there?")
}

// TestXMPPTrust: no password goes to who has no certificate of the host's.
func TestXMPPTrust(t *testing.T) {
	t.Parallel()
	n, _ := xmppNetwork(t)
	l := start(t, []string{"go-xmpp"}, kerneltest.Config(t, xmppConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	configure(l, "go-xmpp", "home", "password", toyxmpp.Password)
	l.Event("channels.changed", func(payload json.RawMessage) bool { return strings.Contains(string(payload), "certificate") })
	if _, in, _ := n.toy.Said(); in {
		t.Error("it has logged in")
	}
}

// TestXMPPKilled: the gateway is killed before the server has said that it has the answer. XMPP cannot tell whether it has; the
// owner is asked, as he wants it, and what came meanwhile is answered.
func TestXMPPKilled(t *testing.T) {
	t.Parallel()
	n, trust := xmppNetwork(t)
	disk, ring, state := &mortal{Store: store.OpenMemory()}, kerneltest.Keyring{}, t.TempDir()
	drop(t, filepath.Join(state, "plugins", "go-xmpp"), "go-xmpp")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		disk.kill(nil)
		k := kerneltest.Start(t, trust, kerneltest.Config(t, xmppConfig(n.toy, `"afterCrash":"hold"`)), kerneltest.StateDir(state),
			kerneltest.Store(disk, ring), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
		return k, k.Listen()
	}
	k, l := boot()
	configure(l, "go-xmpp", "home", "password", toyxmpp.Password)
	n.there()
	n.toy.Hold(true)
	n.toy.Say("ann@toy.example", "one")
	n.has("ann@toy.example you said: one", 1)
	disk.kill(func(string, bool) bool { return true })
	k.Stop()
	n.toy.Break()
	n.toy.Hold(false)
	n.toy.Say("ann@toy.example", "two")
	n.toy.Say("bob@toy.example", "three")

	_, l = boot()
	held := finished(l, "held", 1)
	n.has("bob@toy.example you said: three", 1)
	l.MustCall("delivery.drop", map[string]any{"id": held[0]}, nil)
	n.has("ann@toy.example you said: two", 1)
	finished(l, "sent", 2)
	if said, _, _ := n.toy.Said(); len(said) != 3 || said[0] != "ann@toy.example you said: one" {
		t.Errorf("the bot has said %q", said)
	}
}
