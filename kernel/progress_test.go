package kernel_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// toolEvent is an event of an agent's stream tool.
type toolEvent struct {
	RunID, Stream string
	Data          struct {
		Phase, Name, ToolCallID string
		PartialResult           struct{ Content []chat.Content }
	}
}

// toolEvents are those of a run, one line each.
func toolEvents(events []client.Event, run string) (lines []string) {
	for _, e := range events {
		var a toolEvent
		if e.Name != "agent" || json.Unmarshal(e.Payload, &a) != nil || a.RunID != run || a.Stream != "tool" {
			continue
		}
		line := a.Data.Phase + " " + a.Data.Name + " " + a.Data.ToolCallID
		for _, c := range a.Data.PartialResult.Content {
			line += " " + c.Type + " " + c.Text
		}
		lines = append(lines, line)
	}
	return lines
}

// reporting is a gateway with the guest, which reports 1,000 times and then holds until it is released.
func reporting(t *testing.T) *kerneltest.Kernel {
	t.Helper()
	state := t.TempDir()
	patient := guestManifest("1.0.0", func(m *wit.Manifest) { m.Limits = &wit.Limits{Deadline: kerneltest.Patience.Milliseconds()} })
	put(t, filepath.Join(state, "plugins", "guest"), map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(patient)})
	return kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
}

// audience is a client that can do this, tool-events being to see tool calls.
func audience(t *testing.T, k *kerneltest.Kernel, protocol int, caps ...string) *teller {
	t.Helper()
	c, err := k.TryDial(client.Options{Token: kerneltest.Token, Caps: caps, MinProtocol: protocol, MaxProtocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	return &teller{Listener: kerneltest.Listen(t, c)}
}

const lastStep = "update guest c text step 1000"

// untilTool waits for a line of a run's tool events.
func untilTool(l *kerneltest.Listener, run, line string) {
	l.Until(line, func(events []client.Event) bool { return slices.Contains(toolEvents(events, run), line) })
}

// TestAToolSaysHowFarItIs, and clients of both protocols that asked for tool calls see it between the call's start and
// its result; who did not ask sees nothing.
func TestAToolSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	k := reporting(t)
	watchers := []*teller{audience(t, k, 3, "tool-events"), audience(t, k, 4, "tool-events")}
	other := audience(t, k, 4)
	began := time.Now()
	watchers[0].n = 1 // not in the session that waits for it
	run := watchers[0].begin("report")
	for _, w := range watchers {
		untilTool(w.Listener, run, lastStep)
	}
	most := int(time.Since(began).Seconds()*wit.LimitProgressPerSecond) + 1
	other.tell("release")
	for _, w := range watchers {
		if got := w.end(run); got != "v1" {
			t.Errorf("the tool says %q", got)
		}
		got := toolEvents(w.Events(), run)
		if n := len(got); n < 3 || n > most+2 || got[0] != "start guest c" || got[n-2] != lastStep || got[n-1] != "result guest c" {
			t.Errorf("at most %d updates may be in %q", most, got)
		}
		checkSteps(t, got)
	}
	other.End(run)
	if got := toolEvents(other.Events(), run); len(got) > 0 {
		t.Errorf("who did not ask is told %q", got)
	}
}

// checkSteps: all but the ends are updates, and none goes back.
func checkSteps(t *testing.T, lines []string) {
	t.Helper()
	last := 0
	for _, line := range lines[1 : len(lines)-1] {
		step := 0
		if _, err := fmt.Sscanf(line, "update guest c text step %d", &step); err != nil || step <= last {
			t.Errorf("%q after step %d", line, last)
		}
		last = step
	}
}

// TestAStoppedToolSaysNothingMore: no report comes after the end of its run.
func TestAStoppedToolSaysNothingMore(t *testing.T) {
	t.Parallel()
	l := audience(t, reporting(t), 4, "tool-events")
	run := l.begin("report")
	untilTool(l.Listener, run, lastStep)
	l.MustCall("chat.abort", map[string]any{"sessionKey": "s1"}, nil)
	if end := l.End(run); end.State != "aborted" {
		t.Errorf("%+v", end)
	}
	if got := l.tell("release"); got != "v1" {
		t.Errorf("the tool says %q", got)
	}
	if got := toolEvents(l.Events(), run); got[0] != "start guest c" || got[len(got)-1] != lastStep {
		t.Errorf("told %q", got)
	}
}

// TestWhoCallsAToolIsToldHowFarItIs by plugins.call, and nobody else.
func TestWhoCallsAToolIsToldHowFarItIs(t *testing.T) {
	t.Parallel()
	k := reporting(t)
	caller, other := k.Listen(), &teller{Listener: k.Listen()}
	answered := make(chan error, 1)
	var result plugin.CallResult
	go func() {
		answered <- caller.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "guest", Tool: "guest", Args: wit.JSON(`{"do":"report"}`)}, &result)
	}()
	e := caller.Event(plugin.ReportedKind.Name, func(b json.RawMessage) bool { return strings.Contains(string(b), `"step 1000"`) })
	var said plugin.Reported
	if err := json.Unmarshal(e.Payload, &said); err != nil || said != (plugin.Reported{ID: "guest", Tool: "guest", Text: "step 1000"}) {
		t.Errorf("%s: %v", e.Payload, err)
	}
	other.tell("release")
	if err := <-answered; err != nil || len(result.Content) != 1 || *result.Content[0].Text != "v1" {
		t.Errorf("%+v, %v", result, err)
	}
	for _, e := range other.Events() {
		if e.Name == plugin.ReportedKind.Name {
			t.Errorf("who did not call is told %s", e.Payload)
		}
	}
}
