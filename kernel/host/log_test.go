package host_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestASecretAtTheCutIsNotLoggedInPart: what is left of a secret that was cut is not recognized any more.
func TestASecretAtTheCutIsNotLoggedInPart(t *testing.T) {
	w := newWorld()
	w.guest("p", everything()).Log.Line(hclog.Info, strings.Repeat("x", wit.LogLineMessageCut-5)+"hunter2 and more")
	if text := w.log.String(); !strings.Contains(text, "xxx[reda…") || strings.Contains(text, "hunt") {
		t.Errorf("%s", text)
	}
}

// TestLogLevels: a level that nobody knows is info, and bytes that are no text do not reach the log.
func TestLogLevels(t *testing.T) {
	w := newWorld()
	g := w.guest("p", everything())
	for _, line := range []string{`{"level":"error","message":"bad"}`, `{"level":"shout","message":"loud"}`} {
		if _, err := ask(g, host.Call{}, "log_write", line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	g.Log.Line(hclog.Info, "half a \xc3")
	most := strings.Repeat("x", wit.LogLineMessageCut)
	g.Log.Line(hclog.Info, most)
	if text := w.log.String(); !strings.Contains(text, most+"\n") || strings.Contains(text, "dropped") {
		t.Errorf("a line of as much as may be was cut, or one dropped")
	}
	for _, want := range []string{"[ERROR] plugin.p: bad\n", "[INFO]  plugin.p: loud\n", "half a \ufffd\n"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, w.log.String())
		}
	}
}
