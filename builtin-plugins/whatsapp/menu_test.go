package whatsapp_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	gateway "github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestMenu: WhatsApp is told which commands there are, once, and nothing depends on whether it takes them.
func TestMenu(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	const edge, all = "conversational_automation", "help status whoami new stop compact model think reasoning voice"
	var many, thirty []string
	for i := range 40 {
		many = append(many, fmt.Sprintf(`"x%d","x%[1]d: again"`, i))
		if i < 30 {
			thirty = append(thirty, fmt.Sprint("x", i))
		}
	}
	for name, test := range map[string]struct {
		config, state string
		faults        []whatsapptest.Fault
		want          string
		calls, again  int // at the first start, and at the second one
	}{
		"what the gateway understands": {want: all, calls: 1},
		"what the owner has named":     {config: `,"commands":["go: Go on","Well-known","/up"]`, want: "go up", calls: 1},
		"too many":                     {config: `,"commands":[` + strings.Join(many, ",") + `]`, want: strings.Join(thirty, " "), calls: 1},
		"the WhatsApp Manager's":       {config: `,"commands":[]`},
		"no menu any more":             {config: `,"commands":[]`, state: `{"menu":"old"}`, calls: 1},
		"another number's":             {state: `{"generation":7,"offered":7,"menu":"old"}`, want: all, calls: 1},
		"refused":                      {faults: []whatsapptest.Fault{{Call: edge, Status: 403, Code: 200}}, calls: 1, again: 1},
		"cut off":                      {faults: []whatsapptest.Fault{{Call: edge, Cut: true}}, calls: 1, again: 1},
		"an answer that was lost":      {faults: []whatsapptest.Fault{{Call: edge, CutAfter: true}}, want: all, calls: 1, again: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := whatsapptest.New(whatsapptest.Config{})
			t.Cleanup(func() { _ = s.Close() })
			s.Fail(test.faults...)
			var asked atomic.Int64
			s.Chaos = func(call string) *whatsapptest.Fault {
				if call == edge {
					asked.Add(1)
				}
				return nil
			}
			g := gateway.New(t, whatsapp.New(), &sdktest.Host{HTTP: s, Credentials: s.Secrets()}, `{"phoneNumberId":"106540352242922"`+test.config+`}`)
			g.Keeps = func(wit.JSON) bool { return true }
			if test.state != "" {
				g.SetState(wit.JSON(test.state))
			}
			listed := func() string {
				var names []string
				for _, c := range s.Menu() {
					names = append(names, c.Name)
				}
				return strings.Join(names, " ")
			}
			begin := func(calls int, known bool) {
				t.Helper()
				g.Connected()
				g.Until("WhatsApp knows the menu", func() bool {
					return asked.Load() == int64(calls) && !bytes.Contains(g.State(), []byte("old")) && bytes.Contains(g.State(), []byte(`"menu"`)) == known
				})
			}
			begin(test.calls, test.again == 0 && test.want != "")
			if got := listed(); got != test.want {
				t.Errorf("the menu is %q", got)
			}
			g.Fire("ask")
			g.Crash()
			begin(test.calls+test.again, test.again > 0 || test.want != "")
		})
	}
}
