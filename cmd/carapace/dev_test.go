package main

import (
	"bufio"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// loop is `plugins dev` at work.
type loop struct {
	t     *testing.T
	lines *bufio.Scanner
	said  []string // since the last until
	end   func()

	process *os.Process
	wait    func() error
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
	l := &loop{t: t, lines: bufio.NewScanner(out), process: cmd.Process, wait: cmd.Wait}
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
	l.said = nil
	for l.lines.Scan() {
		if l.said = append(l.said, l.lines.Text()); strings.HasPrefix(l.lines.Text(), begins) {
			return l.lines.Text()
		}
	}
	l.t.Fatalf("it ended without %q: %q", begins, l.said)
	return ""
}

// have reads what it says until there has been a line that has all parts. Calls and the log are shown in any order.
func (l *loop) have(parts ...string) {
	l.t.Helper()
	fits := func(line string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) })
	}
	for !slices.ContainsFunc(l.said, fits) {
		if !l.lines.Scan() {
			l.t.Fatalf("it ended without %q: %q", parts, l.said)
		}
		l.said = append(l.said, l.lines.Text())
	}
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

// TestTheLoopShowsWhatGoesWrong in calls that others make, and whose tool models get.
func TestTheLoopShowsWhatGoesWrong(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	for _, id := range []string{"dice", "other"} {
		must(t, state, "plugins", "new", filepath.Join(dir, id), "--lang", "ts", "--kind", "tool")
	}
	dice := filepath.Join(dir, "dice", "plugin.ts")
	edit(t, dice, `import { text,`, `import { kv, text,`)
	edit(t, dice, `  return text(`, "  if (sides === 3) throw new Error(\"no die has three sides\");\n  if (sides === 4) kv.put(\"rolled\", \"1\");\n  if (sides === 5) for (;;) Math.abs(sides);\n  return text(")
	edit(t, filepath.Join(dir, "dice", "plugin.json"), `"abi": 1,`, `"abi": 1, "limits": {"deadline": 3000},`)
	l := startLoop(t, state, filepath.Join(dir, "dice"))
	defer l.end()
	l.until("live: dice 1.0.0 (")
	call := func(args string, want int) {
		t.Helper()
		if r := carapace(t, state, "plugins", "call", "dice", "roll", args); r.code != want {
			t.Errorf("%s: %+v", args, r)
		}
	}
	call(`{}`, 0)
	l.have("call tool_invoke", " ok ", "ms")
	call(`{"sides":3}`, exitFailed)
	l.have("[ERROR] plugin.dice: tool_invoke failed: no die has three sides")
	l.have("[ERROR] plugin.dice: ", "(plugin.ts:8:")
	l.have("call tool_invoke", " internal ")
	call(`{"sides":4}`, exitFailed)
	call(`{"sides":5}`, exitFailed)
	l.have("[ERROR] plugin.dice: tool_invoke failed: ", "did not answer within 3s")
	l.have("[ERROR] plugin.dice: ", "at toolInvoke (plugin.ts:10:")
	l.have("call tool_invoke", " timeout ")
	const refused = `permission kv is not granted: add "kv": {`
	l.have("[WARN]  plugin.dice: tool_invoke: kv_put was refused: ", refused)
	l.have("call tool_invoke", " forbidden ")
	said := must(t, state, "plugins", "logs", "dice")
	for _, want := range []string{"tool_invoke failed: no die has three sides", "(plugin.ts:8:", refused} {
		if strings.Count(said, want) != 1 {
			t.Errorf("plugins logs does not say %q once: %s", want, said)
		}
	}
	if all := must(t, state, "logs"); strings.Count(all, "no die has three sides") != 1 || strings.Count(all, refused) != 1 {
		t.Errorf("the gateway says it elsewhere too: %s", all)
	}
	second := startLoop(t, state, filepath.Join(dir, "other"))
	defer second.end()
	second.until("live: other 1.0.0 (")
	second.until("shadowed: models get the tool roll of plugin dice: give this one another name; `carapace plugins call other roll …` calls it all the same")
	if out := must(t, state, "plugins", "call", "other", "roll", `{}`); len(out) != 2 {
		t.Errorf("the other one rolls %q", out)
	}
}

// TestTheLoopFollowsAFolderThatIsReplaced, as version control and some editors do.
func TestTheLoopFollowsAFolderThatIsReplaced(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	folder, away := filepath.Join(dir, "dice"), filepath.Join(dir, "away")
	must(t, state, "plugins", "new", folder, "--lang", "typescript", "--kind", "tool")
	l := startLoop(t, state, folder)
	defer l.end()
	l.until("live: dice 1.0.0 (")
	if err := os.Rename(folder, away); err != nil {
		t.Fatal(err)
	}
	l.until("not built: there is no plugin.json in " + folder)
	edit(t, filepath.Join(away, "plugin.json"), `"version": "1.0.0"`, `"version": "1.0.1"`)
	if err := os.Rename(away, folder); err != nil {
		t.Fatal(err)
	}
	l.until("live: dice 1.0.1 (")
	edit(t, filepath.Join(folder, "plugin.json"), `"version": "1.0.1"`, `"version": "1.0.2"`)
	l.until("live: dice 1.0.2 (")
}

// TestTheLoopFollowsALink to the folder, which has a blank in its name.
func TestTheLoopFollowsALink(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	folder, link := filepath.Join(dir, "my plugins", "dice"), filepath.Join(dir, "link")
	if out := must(t, state, "plugins", "new", folder, "--lang", "ts", "--kind", "tool"); !strings.Contains(out, "carapace plugins dev '"+folder+"'\n") {
		t.Errorf("a shell would read %q otherwise", out)
	}
	if err := os.Symlink(folder, link); err != nil {
		t.Fatal(err)
	}
	l := startLoop(t, state, link)
	defer l.end()
	l.until("live: dice 1.0.0 (")
	edit(t, filepath.Join(folder, "plugin.json"), `"version": "1.0.0"`, `"version": "1.0.1"`)
	l.until("live: dice 1.0.1 (")
}

// TestALoopWhoseIDIsTaken: by another folder, which the first is told of, and by a plugin that comes with the gateway.
func TestALoopWhoseIDIsTaken(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), t.TempDir()
	serve(t, state)
	one, two := filepath.Join(dir, "one", "dice"), filepath.Join(dir, "two", "dice")
	for _, folder := range []string{one, two} {
		must(t, state, "plugins", "new", folder, "--lang", "ts", "--kind", "tool")
	}
	edit(t, filepath.Join(two, "plugin.ts"), "Math.random()", "0")
	first := startLoop(t, state, one)
	defer first.end()
	first.until("live: dice 1.0.0 (")
	second := startLoop(t, state, two)
	second.until("live: dice 1.0.0 (")
	first.until("replaced: something else has put its own plugin dice into " + filepath.Join(state, "plugins", "dice") + ", and that runs")
	second.end()
	edit(t, filepath.Join(one, "plugin.json"), `"version": "1.0.0"`, `"version": "1.0.1"`)
	first.until("live: dice 1.0.1 (")
	edit(t, filepath.Join(one, "plugin.json"), `"id": "dice"`, `"id": "calc"`)
	first.until("waits: calc is the id of a plugin that comes with the gateway")
}

// TestTheLoopShowsWhatKeepsAServiceFromRunning, and what its log has of it.
func TestTheLoopShowsWhatKeepsAServiceFromRunning(t *testing.T) {
	t.Parallel()
	state, folder := stateDir(t), filepath.Join(t.TempDir(), "beat")
	serve(t, state)
	must(t, state, "plugins", "new", folder, "--lang", "ts", "--kind", "service")
	l := startLoop(t, state, folder)
	defer l.end()
	l.have("plugin.beat: service is started anew", "missing property 'url': `carapace setup beat` asks for it")
	if out := must(t, state, "plugins", "logs", "beat"); !strings.Contains(out, "service is started anew") {
		t.Errorf("its log has %s", out)
	}
}

// TestTheLoopFollowsAnotherID: the plugin that the project was so far is gone.
func TestTheLoopFollowsAnotherID(t *testing.T) {
	t.Parallel()
	state, folder := stateDir(t), filepath.Join(t.TempDir(), "dice")
	serve(t, state)
	must(t, state, "plugins", "new", folder, "--lang", "ts", "--kind", "tool")
	l := startLoop(t, state, folder)
	defer l.end()
	l.until("live: dice 1.0.0 (")
	edit(t, filepath.Join(folder, "plugin.json"), `"id": "dice"`, `"id": "cubes"`)
	l.until("renamed: dice is cubes now")
	l.until("live: cubes 1.0.0 (")
	must(t, state, "plugins", "call", "cubes", "roll", `{}`)
	l.have("call tool_invoke", " ok ")
	for {
		r := carapace(t, state, "plugins", "call", "dice", "roll", `{}`)
		if r.code == 0 {
			continue // it is being taken out
		}
		if !strings.Contains(r.err, "there is no plugin dice") && !strings.Contains(r.err, "does not run") && !strings.Contains(r.err, "is off") {
			t.Errorf("%+v", r)
		}
		break
	}
	if _, err := os.Stat(filepath.Join(state, "plugins", "dice")); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
	edit(t, filepath.Join(folder, "plugin.json"), `"id": "cubes"`, `"id": "dice"`)
	l.until("live: dice 1.0.0 (")
}

// TestManyCallsAreOneLine of each kind.
func TestManyCallsAreOneLine(t *testing.T) {
	t.Parallel()
	var r plugin.TraceResult
	for n := range 60 {
		c := plugin.TracedCall{Export: "tool_invoke", Duration: int64(1000 + n)}
		if n%3 == 1 {
			c.Export, c.Code = "hook_handle", wit.CodeInternal
		}
		r.Calls = append(r.Calls, c)
	}
	var out strings.Builder
	printOutcomes(&out, r)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "40 calls tool_invoke  ok  at most 1.1 ms") || !strings.HasSuffix(lines[1], "20 calls hook_handle  internal  at most 1.1 ms") {
		t.Errorf("%q", lines)
	}
}

// TestALoopWithoutAGateway has one of its own, which is gone with it.
func TestALoopWithoutAGateway(t *testing.T) {
	t.Parallel()
	// A terminal that is closed means nothing to what begins with that ignored, as all does under nohup. What is handled here is not
	// ignored there.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	defer signal.Stop(handled)
	folder := filepath.Join(t.TempDir(), "dice")
	must(t, stateDir(t), "plugins", "new", folder, "--lang", "ts", "--kind", "tool")
	l := startLoop(t, stateDir(t), folder)
	defer func() { l.end() }()
	l.until("live: dice 1.0.0 (")
	edit(t, filepath.Join(folder, "plugin.json"), `"abi": 1,`, `"abi": 1, "permissions": {"kv": {"reason": "To count."}},`)
	waits := l.until("waits: ")
	_, command, _ := strings.Cut(waits, "`carapace ")
	command, _, _ = strings.Cut(command, "`")
	must(t, stateDir(t), append(strings.Fields(command), "--yes")...)
	l.until("live: dice 1.0.0")
	_, dir, _ := strings.Cut(command, "--state-dir ")
	l.end = func() { // its terminal is closed
		_ = l.process.Signal(syscall.SIGHUP)
		for l.lines.Scan() {
		}
		if err := l.wait(); err != nil {
			t.Errorf("it ends with %v", err)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("its gateway's folder %s is left: %v", dir, err)
		}
	}
}

// TestALoopThatIsKilled takes its gateway with it.
func TestALoopThatIsKilled(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dice")
	must(t, stateDir(t), "plugins", "new", folder, "--lang", "ts", "--kind", "tool")
	loop := command(t.Context(), t, stateDir(t), "plugins", "dev", folder)
	said, err := loop.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := loop.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	_, dir, named := strings.Cut(strings.TrimSpace(line), "--state-dir ")
	if err != nil || !named {
		t.Fatalf("%q, %v", line, err)
	}
	follower := command(t.Context(), t, dir, "logs", "-f")
	lines, err := follower.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewScanner(lines)
	if !log.Scan() {
		t.Fatal("its gateway has no log")
	}
	if err := loop.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = loop.Wait() // it was killed
	for log.Scan() {
	}
	_ = follower.Wait() // the gateway is gone, of which it complains
}

// TestAGatewayToThrowAway ends with what it is told to live as long as, and leaves nothing.
func TestAGatewayToThrowAway(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	c := command(t.Context(), t, state, "serve", "--port", "0", "--throw-away")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() {
		t.Error("it does not start")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
	used := stateDir(t)
	kept := filepath.Join(used, "carapace.json")
	if err := os.WriteFile(kept, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := carapace(t, used, "serve", "--port", "0", "--throw-away"); r.code == 0 || !strings.Contains(r.err, "has to be an empty folder") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("what somebody has in it: %v", err)
	}
}

// TestInTheFolder: a plugin is begun in the folder where one is.
func TestInTheFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "dice")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := command(t.Context(), t, stateDir(t), "plugins", "new", ".", "--lang", "ts", "--kind", "tool")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if manifest, _ := os.ReadFile(filepath.Join(folder, "plugin.json")); err != nil || !strings.Contains(string(manifest), `"id": "dice"`) {
		t.Errorf("%v, %s, %s", err, out, manifest)
	}
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
		{[]string{"test", filepath.Join(broken, "plugin.json")}, "is a file: name the plugin's folder, " + broken},
		{[]string{"dev"}, "FOLDER is missing"},
		{[]string{"logs", "x"}, "no gateway runs"},
		{[]string{"new", broken, "--lang", "go", "--kind", "tool"}, "has something in it: name a new folder"},
		{[]string{"new", filepath.Join(dir, "Big"), "--lang", "go", "--kind", "tool"}, "cannot be a plugin's id"},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "cobol"}, "is no language of these: as, "},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "js"}, "JavaScript is begun in ts"},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "go", "--kind", "irc"}, "is no kind of these: channel, hook, provider"},
		{[]string{"new", filepath.Join(dir, "x"), "--lang", "rs", "--kind", "tts"}, "is no kind of these: channel, hook, tool; a tts is begun in go or ts"},
		{[]string{"new", filepath.Join(dir, "x")}, "which language? say by --lang one of as, "},
	} {
		if r := carapace(t, state, append([]string{"plugins"}, c.args...)...); r.code == 0 || !strings.Contains(r.err, c.want) {
			t.Errorf("%q: %d, %q, want %q", c.args, r.code, r.err, c.want)
		}
	}
}
