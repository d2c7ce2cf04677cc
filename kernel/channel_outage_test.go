package kernel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAChannelWaitsForItsPlugin: while the plugin is gone nothing is lost, and its accounts go on when
// it is back.
func TestAChannelWaitsForItsPlugin(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	source := new(plugintest.Memory)
	source.Put(kerneltest.Channel("chat"))
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Source(source), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	setToken(l)
	p.Say("ann", "one")
	p.Answered("you said: one")
	source.Remove("chat")
	l.Event("plugins.changed", func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"chat"`) && strings.Contains(string(b), `"stopped"`)
	})
	p.Say("ann", "two")
	source.Put(kerneltest.Channel("chat", func(m *wit.Manifest) { m.Version = "2.0.0" }))
	p.Answered("you said: two")
	p.Say("ann", "three")
	p.Answered("you said: three")
	for _, word := range []string{"one", "two", "three"} {
		if n := count(p.Posts(), "you said: "+word); n != 1 {
			t.Errorf("%s was answered %d times", word, n)
		}
	}
}
