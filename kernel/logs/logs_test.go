package logs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/wit"
)

func open(t *testing.T, console io.Writer) *logs.Log {
	t.Helper()
	l, err := logs.New(logs.Config{Console: console})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// textOf is what a line says.
func textOf(line string) string {
	l, _ := logs.ParseLine(line)
	return l.Text
}

// TestLinesAreJSON with the fields by which clients show and filter them, and read as the console's.
func TestLinesAreJSON(t *testing.T) {
	var console bytes.Buffer
	l := open(t, &console)
	l.Redact(func(s string) string { return strings.ReplaceAll(s, "hunter2!", "[redacted]") })
	log := l.Logger().Named("agent").With("run", "r 1")
	log.Debug("unseen")
	log.Warn("slow <model>", "after", 3, "key", "hunter2!")
	l.Logger().Info("ready")
	lines := l.Tail(nil, 10, 1<<16).Lines
	if len(lines) != 2 {
		t.Fatalf("lines %q", lines)
	}
	var raw map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &raw); err != nil {
		t.Fatal(err)
	}
	meta := raw["_meta"].(map[string]any)
	if raw["0"] != `{"subsystem":"agent"}` || meta["name"] != raw["0"] || meta["logLevelName"] != "WARN" || meta["date"] != raw["time"] {
		t.Errorf("line %v", raw)
	}
	if raw["1"] != `slow <model>: run="r 1" after=3 key=[redacted]` {
		t.Errorf("text %v", raw["1"])
	}
	for i, shown := range strings.Split(strings.TrimSpace(console.String()), "\n") {
		l, ok := logs.ParseLine(lines[i])
		if _, rest, _ := strings.Cut(l.String(), " "); !ok || i == 1 && !strings.HasSuffix(shown, rest) {
			t.Errorf("shown as %q, on the console %q", l, shown)
		}
	}
	if _, ok := logs.ParseLine("plain text"); ok {
		t.Error("a text is a line")
	}
}

func TestLevelMustBeKnown(t *testing.T) {
	if _, err := logs.New(logs.Config{Level: "loud"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Fatalf("New with level loud: %v, want %s", err, wit.CodeInvalid)
	}
}

func TestSecretsReachNeitherConsoleNorRing(t *testing.T) {
	var console bytes.Buffer
	l := open(t, &console)
	l.Redact(func(s string) string { return strings.ReplaceAll(s, "hunter2!", "[redacted]") })
	l.Logger().Info("login", "password", "hunter2!")
	got := console.String() + strings.Join(l.Tail(nil, 10, 1000).Lines, "\n")
	if strings.Contains(got, "hunter2!") || strings.Count(got, "[redacted]") != 2 {
		t.Fatalf("the secret is in the log: %q", got)
	}
}

func TestTailGoesOnFromItsCursor(t *testing.T) {
	l := open(t, nil)
	for i := range 5 {
		l.Logger().Info(fmt.Sprint("line ", i))
	}
	first := l.Tail(nil, 2, 1<<16)
	if len(first.Lines) != 2 || !first.Truncated || textOf(first.Lines[1]) != "line 4" {
		t.Fatalf("the last two lines: %+v", first)
	}
	l.Logger().Info("line 5")
	next := l.Tail(&first.Cursor, 10, 1<<16)
	if len(next.Lines) != 1 || textOf(next.Lines[0]) != "line 5" || next.Reset {
		t.Fatalf("after the cursor: %+v", next)
	}
	if again := l.Tail(&next.Cursor, 10, 1<<16); len(again.Lines) != 0 || again.Cursor != next.Cursor {
		t.Fatalf("at the end: %+v", again)
	}
	start := int64(0)
	if part := l.Tail(&start, 3, 1<<16); len(part.Lines) != 3 || !part.Truncated {
		t.Fatalf("three from the start: %+v", part)
	}
}

func TestRingIsBoundedAndSaysSo(t *testing.T) {
	l := open(t, nil)
	for range 3000 {
		l.Logger().Info(strings.Repeat("x", 1000))
	}
	start := int64(0)
	got := l.Tail(&start, 5000, 64<<20)
	if size := len(strings.Join(got.Lines, "\n")); !got.Reset || size > 1<<20 || size < 1<<19 {
		t.Fatalf("reset %v, %d bytes kept", got.Reset, size)
	}
	l.Logger().Info(strings.Repeat("y", 100_000))
	if last := l.Tail(nil, 1, 1<<20).Lines[0]; len(last) > 9<<10 {
		t.Fatalf("a line of %d bytes was kept", len(last))
	}
}

func TestChangesTellOfNewLines(t *testing.T) {
	l := open(t, nil)
	changed, stop := l.Changes()
	l.Logger().Info("a")
	<-changed
	stop()
	l.Logger().Info("b")
	select {
	case <-changed:
		t.Fatal("told after stop")
	default:
	}
}

// TestNobodyForgesALine: an entry is one line, in the message and in its values, and steers no terminal.
func TestNobodyForgesALine(t *testing.T) {
	var console bytes.Buffer
	l := open(t, &console)
	forged := "hi\n2026-01-01T00:00:00.000Z [INFO]  gateway: all is well\r\x1b[2J\u009b31m"
	l.Logger().Info(forged, "name", forged, "nested", []string{forged}, forged, "key")
	l.Logger().Named(forged).Info("named")
	for _, text := range []string{console.String(), strings.Join(l.Tail(nil, 10, 1<<16).Lines, "\n") + "\n"} {
		if strings.Count(text, "\n") != 2 || strings.ContainsAny(text, "\x1b\r\u009b") {
			t.Errorf("%q", text)
		}
	}
}

// TestTheLevelChanges for loggers that were made before.
func TestTheLevelChanges(t *testing.T) {
	l := open(t, nil)
	named := l.Logger().Named("old")
	for level, want := range map[string]bool{"debug": true, "error": false, "nonsense": false, "": false} {
		l.SetLevel("error")
		l.SetLevel(level)
		if named.IsDebug() != want {
			t.Errorf("%q: debug is %v", level, named.IsDebug())
		}
	}
}
