package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestReasoningIsShownWhenAskedFor, in a chat: of all rounds, above the answer, and not to those who have not asked.
func TestReasoningIsShownWhenAskedFor(t *testing.T) {
	t.Parallel()
	thinker := kerneltest.Provider("thinker", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		thought := wit.Delta{Kind: wit.DeltaKindThinking, Text: "what is this?\nlet me see"}
		if c.Turns[len(c.Turns)-1].Role != wit.RoleTool && strings.Contains(kerneltest.Heard(c), "look") {
			return &wit.ProviderAnswer{Deltas: []wit.Delta{thought}, ToolCalls: []wit.ToolCall{{ID: "1", Name: "nothing", Args: wit.JSON("{}")}}, Stop: new(wit.StopReasonToolCalls)}, nil
		}
		a := kerneltest.Says("so it is")
		a.Deltas = append([]wit.Delta{{Kind: wit.DeltaKindThinking, Text: "hm " + strings.Repeat("long ", 2000)}}, a.Deltas...)
		return a, nil
	})
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Channel("chat"), thinker), kerneltest.Config(t, fmt.Sprintf(
		`{"owners":["chat:ann"],"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}}}`, p.URL)))
	l := k.Listen()
	setToken(l)
	r := room{p, l}
	if got := r.hears("ann", "hi"); got != "so it is" {
		t.Errorf("without being asked for: %q", got)
	}
	if got := r.hears("ann", "/reasoning"); !strings.Contains(got, "Reasoning is off") {
		t.Errorf("%q", got)
	}
	if got := r.hears("ann", "/reasoning loud"); !strings.Contains(got, "on and off") {
		t.Errorf("%q", got)
	}
	r.hears("ann", "/reasoning on")
	got := r.hears("ann", "look")
	thought, answer, _ := strings.Cut(got, "\n\nso it is")
	if answer != "" || !strings.HasPrefix(thought, "> what is this?\n> let me see\n> \n> hm long") || len(got) > 3500 {
		t.Errorf("%.200q … %q", got, answer)
	}
	if got := r.hears("eve", "look"); got != "so it is" {
		t.Errorf("somebody else is shown it: %q", got)
	}
	if got := r.hears("eve", "/reasoning on"); !strings.Contains(got, "Only the owner") {
		t.Errorf("%q", got)
	}
	r.hears("ann", "/reasoning off")
	if got := r.hears("ann", "look"); got != "so it is" {
		t.Errorf("after it was turned off: %q", got)
	}
}
