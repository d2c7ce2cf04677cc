package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loop is `plugins dev` at work.
type loop struct {
	t     *testing.T
	lines *bufio.Scanner
	end   func()
}

// startLoop begins it in a folder, for the gateway of a state directory.
func startLoop(t *testing.T, state, folder string) *loop {
	t.Helper()
	cmd := command(t.Context(), t, state, "plugins", "dev", folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := &loop{t: t, lines: bufio.NewScanner(out)}
	l.end = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended, which Wait says
		for l.lines.Scan() {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("Ctrl-C ends it with %v", err)
		}
	}
	return l
}

// until reads what it says up to a line that begins so.
func (l *loop) until(begins string) string {
	l.t.Helper()
	var said []string
	for l.lines.Scan() {
		if said = append(said, l.lines.Text()); strings.HasPrefix(l.lines.Text(), begins) {
			return l.lines.Text()
		}
	}
	l.t.Fatalf("it ended without %q: %q", begins, said)
	return ""
}

func edit(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q: %v", file, old, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheAuthorsLoop begins a plugin, has it run with each save, breaks it and mends it.
func TestTheAuthorsLoop(t *testing.T) {
	t.Parallel()
	for lang, c := range map[string]struct{ file, rolls, fixed, broken, problem string }{
		"ts": {"plugin.ts", `text(String(1 + Math.floor(Math.random() * sides)))`, `(console.info("rolled"), text("four"))`, `(console.info("rolled"), text("four")`, `not live: plugin.ts:8:`},
		"rust": {"src/lib.rs", `ToolOutput::text((1 + random() % sides).to_string())`, `ToolOutput::text(["four"][(random() % sides / sides) as usize])`,
			`ToolOutput::text()`, `not built: cargo: exit status 101`},
		"go": {"main.go", `tool.Text(strconv.FormatInt(1+rand.Int64N(sides), 10))`, `tool.Text("four" + strconv.FormatInt(10+rand.Int64N(sides)/sides, 10)[2:])`,
			`tool.Text(`, `not built: go: exit status 1`},
		"c": {"plugin.c", `carapace_number((int64_t)(1 + random % sides))`, `sides > 0 ? CARAPACE_TEXT("four") : CARAPACE_TEXT("")`, `carapace_number(`, `not built: clang: exit status 1`},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			state, id := stateDir(t), "dice-"+lang
			serve(t, state)
			folder := filepath.Join(t.TempDir(), id)
			must(t, state, "plugin", "new", folder, "--lang", lang, "--kind", "tool")
			file := filepath.Join(folder, c.file)
			l := startLoop(t, state, folder)
			defer l.end()
			roll := func() string { return strings.TrimSpace(must(t, state, "plugins", "call", id, "roll", `{}`)) }
			l.until("live: " + id + " 1.0.0 (")
			if got := roll(); len(got) != 1 || got < "1" || got > "6" {
				t.Errorf("it rolls %q", got)
			}
			edit(t, file, c.rolls, c.fixed)
			l.until("live: ")
			if got := roll(); got != "four" {
				t.Errorf("after a change it rolls %q", got)
			}
			edit(t, file, c.fixed, c.broken)
			l.until(c.problem)
			if got := roll(); got != "four" {
				t.Errorf("a broken one is not to run, and it rolls %q", got)
			}
			edit(t, file, c.broken, c.rolls)
			l.until("live: ")
			if got := roll(); len(got) != 1 {
				t.Errorf("mended, it rolls %q", got)
			}
			if said := must(t, state, "plugins", "logs", id); strings.Contains(said, "plugin."+id+": rolled\n") != (lang == "ts") {
				t.Errorf("it has logged %q", said)
			}
		})
	}
}

// TestALoopWithoutAGateway has one of its own, which is gone with it.
func TestALoopWithoutAGateway(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dice")
	must(t, stateDir(t), "plugins", "new", folder, "--lang", "ts", "--kind", "tool")
	l := startLoop(t, stateDir(t), folder)
	l.until("live: dice 1.0.0 (")
	l.end()
}

// TestWhatIsNoProject is refused with what to do.
func TestWhatIsNoProject(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "plugin.json"), []byte(`{"id":"x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"dev", dir}, "there is no plugin.json in"},
		{[]string{"dev", broken}, "plugin.json"},
		{[]string{"dev"}, "FOLDER is missing"},
		{[]string{"logs", "x"}, "no gateway runs"},
		{[]string{"new", broken, "--lang", "go", "--kind", "tool"}, "has something in it: name a new folder"},
		{[]string{"new", filepath.Join(dir, "Big"), "--lang", "go", "--kind", "tool"}, "cannot be a plugin's id"},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "cobol"}, "is no language of these: as, "},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "go", "--kind", "irc"}, "is no kind of these: channel, hook, provider"},
		{[]string{"new", filepath.Join(dir, "x")}, "which language? say by --lang one of as, "},
	} {
		if r := carapace(t, state, append([]string{"plugins"}, c.args...)...); r.code == 0 || !strings.Contains(r.err, c.want) {
			t.Errorf("%q: %d, %q, want %q", c.args, r.code, r.err, c.want)
		}
	}
}
