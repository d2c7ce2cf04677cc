// Package docs_test runs what the documentation shows: every block is built, executed or read by the code
// that reads it in a gateway, and every table names what there is.
package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/demo/first"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

var fence = regexp.MustCompile("(?ms)^```([a-z]+ [a-z]+)?\n(.*?)^```$")

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks are the page's, by what they are. Each kind has to be checked by a test below.
func blocks(t *testing.T) map[string]string {
	t.Helper()
	checked := []string{"sh first", "json plugin", "go plugin", "ts plugin", "sh module", "sh plugin", "console call", "go test", "json transcript",
		"json answer", "json open", "json sent", "json confirmed", "json frame", "json moved", "json provides"}
	text, found := page(t), map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(checked, m[1]) || found[m[1]] != "" {
			t.Errorf("nothing checks this block of kind %q:\n%s", m[1], m[2])
		}
		found[m[1]] = m[2]
	}
	if len(found) != len(checked) || 2*len(found) != strings.Count("\n"+text, "\n```") {
		t.Fatalf("the page has blocks of %d kinds, want each of %q once", len(found), checked)
	}
	return found
}

// TestFirst: what the page begins with is what cmd/demo/first runs, and the command line's tests with it.
func TestFirst(t *testing.T) {
	t.Parallel()
	commands := first.Commands(page(t))
	if len(commands) != strings.Count(blocks(t)["sh first"], "\n") || !strings.HasPrefix(commands[0], "carapace plugins new ") {
		t.Errorf("%q", commands)
	}
}

// TestAnswer reads what the page says that a channel answers, and an error.
func TestAnswer(t *testing.T) {
	t.Parallel()
	for block, into := range map[string]interface {
		codec.Receiver
		Validate() error
	}{
		"json answer": new(wit.ChannelAnswer), "json open": new(wit.ChannelAnswer), "json sent": new(wit.Sent), "json confirmed": new(wit.ChannelAnswer), "json frame": new(wit.Frame), "json moved": new(wit.ChannelAnswer),
	} {
		if err := wit.UnmarshalStrict([]byte(blocks(t)[block]), into); err != nil || into.Validate() != nil {
			t.Errorf("%s: %v %v", block, err, into.Validate())
		}
	}
	shown := regexp.MustCompile("`({\"code\".*?})`").FindStringSubmatch(page(t))
	if shown == nil {
		t.Fatal("the page shows no error")
	}
	var failure wit.Error
	if err := wit.UnmarshalStrict([]byte(shown[1]), &failure); err != nil || !failure.Retryable || failure.RetryAfter == nil {
		t.Errorf("%+v, %v", failure, err)
	}
}

// TestProvides reads what the page says that a plugin provides.
func TestProvides(t *testing.T) {
	t.Parallel()
	text := `{"id":"p","name":"P","version":"1.0.0","description":"d","abi":1,"entry":"plugin.wasm","provides":` + blocks(t)["json provides"] + `}`
	if _, err := manifest.Decode([]byte(text), "1.0.0"); err != nil {
		t.Error(err)
	}
}

// TestScript drops the page's plugin in TypeScript into a running gateway, where it gets as far as its request.
func TestScript(t *testing.T) {
	t.Parallel()
	shown, state := blocks(t), t.TempDir()
	folder := filepath.Join(state, "plugins", "weather")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plugin.ts": shown["ts plugin"], "plugin.json": strings.Replace(shown["json plugin"], "plugin.wasm", "plugin.ts", 1),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript()).Listen()
	err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "weather", Tool: "weather", Args: []byte(`{"city":"Bern"}`)}, nil)
	if err == nil || !strings.Contains(err.Error(), "credential key") {
		t.Errorf("%v, and not that the key is missing", err)
	}
}

// TestNames: the page names every field of the manifest, kind of export, permission, hook and code that
// there is.
func TestNames(t *testing.T) {
	t.Parallel()
	text := page(t)
	mentions := func(what, name string) {
		t.Helper()
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the page does not name the %s %s", what, name)
		}
	}
	b, err := os.ReadFile("../wit/plugin.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct{ Properties map[string]json.RawMessage }
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil || len(schema.Properties) < 10 || len(schema.Defs["Limits"].Properties) < 4 {
		t.Fatalf("the schema has %d fields: %v", len(schema.Properties), err)
	}
	for of, fields := range map[string]object{"manifest's": schema.object, "provides'": schema.Defs["Provides"],
		"permissions'": schema.Defs["Permissions"], "limits'": schema.Defs["Limits"]} {
		for name := range fields.Properties {
			mentions(of+" field", name)
		}
	}
	for _, f := range wit.Exports() {
		mentions("export", f.Name)
	}
	for _, code := range []wit.Code{wit.CodeInvalid, wit.CodeNotFound, wit.CodeConflict, wit.CodeUnauthorized, wit.CodeForbidden,
		wit.CodeUnavailable, wit.CodeTimeout, wit.CodeTooLarge, wit.CodeRateLimited, wit.CodeInternal} {
		mentions("code", string(code))
	}
	for _, name := range wit.HookNames() {
		mentions("hook", string(name))
	}
}

// TestPlugin builds the page's plugin with the page's commands, outside the repository, runs its test,
// drops it into a running gateway, and gives that every trouble of the page's table.
func TestPlugin(t *testing.T) {
	t.Parallel()
	shown, dir, state := blocks(t), t.TempDir(), t.TempDir()
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plugin.json": shown["json plugin"], "main.go": shown["go plugin"], "build.sh": shown["sh plugin"],
		"main_test.go":           "package main\n\nimport (\n\t\"testing\"\n\n\t\"github.com/carapace-gateway/carapace/sdk/go/sdktest\"\n)\n\n" + shown["go test"],
		"testdata/weather.jsonl": shown["json transcript"], "module.sh": strings.ReplaceAll(shown["sh module"], "/path/to/carapace", repository),
	} {
		write(t, filepath.Join(dir, name), text)
	}
	run(t, dir, state, "cp", filepath.Join(repository, "go.sum"), dir) // so that nobody is asked for the sums
	run(t, dir, state, "sh", "-e", "module.sh")
	if _, err := manifest.Decode([]byte(shown["json plugin"]), "1.0.0"); err != nil {
		t.Error(err)
	}
	run(t, dir, state, "gofmt", "-l", "main.go", "main_test.go")
	run(t, dir, state, "go", "test", ".")
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
	run(t, dir, state, "sh", "-e", "build.sh")
	l := k.Listen()
	until(t, l, "live", func(p plugin.Status) bool { return p.State != "" && p.State != plugin.StateFailed })

	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .* \\|$")
	_, table, _ := strings.Cut(page(t), "| Reason | Do |")
	rows := row.FindAllStringSubmatch(table, -1)
	if len(rows) != len(troubles) {
		t.Errorf("the page names %d troubles, and %d are tried", len(rows), len(troubles))
	}
	folder := filepath.Join(state, "plugins", "weather")
	for _, r := range rows {
		change, ok := troubles[r[1]]
		if !ok {
			t.Errorf("nobody tries %q", r[1])
			continue
		}
		write(t, filepath.Join(folder, "plugin.json"), change(t, folder, shown["json plugin"]))
		if strings.Contains(r[1], "does not export") { // a hook is more than was granted
			grant(t, l, "hook message_sending")
		}
		p := until(t, l, r[1], func(p plugin.Status) bool { return p.Update != nil && strings.Contains(p.Update.Reason, r[1]) })
		if p.State == plugin.StateFailed || p.Version != "1.0.0" {
			t.Errorf("%s: what ran does not run on: %+v", r[1], p)
		}
	}
}

// TestCall: the page's call of the tool names what the page's manifest offers, with arguments that fit. The service that it
// asks is of the page's making, so the tool itself is played in TestPlugin.
func TestCall(t *testing.T) {
	t.Parallel()
	shown := blocks(t)
	line := strings.TrimPrefix(strings.TrimSpace(shown["console call"]), "$ ")
	out, err := exec.Command("sh", "-ec", "carapace() { printf '%s\\n' \"$@\"; }; "+line).Output()
	words := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(words) != 5 || words[0]+" "+words[1] != "plugins call" {
		t.Fatalf("%q is %q: %v", line, words, err)
	}
	m, err := manifest.Decode([]byte(shown["json plugin"]), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	tool := m.Provides.Tools[0]
	schema, err := manifest.NewSchema(tool.Parameters)
	if err != nil || words[2] != m.ID || words[3] != tool.Name {
		t.Fatalf("%q: %v", words, err)
	}
	if err := schema.Check(t.Context(), []byte(words[4])); err != nil {
		t.Errorf("%s: %v", words[4], err)
	}
}

// grant gives the plugin what it waits for, once it waits for that.
func grant(t *testing.T, l *kerneltest.Listener, lacking string) {
	t.Helper()
	until(t, l, lacking, func(p plugin.Status) bool { return p.Update != nil && strings.Contains(p.Update.Reason, lacking) })
	var d plugin.Details
	l.MustCall("plugins.info", plugin.IDParams{ID: "weather"}, &d)
	l.MustCall("plugins.grant", plugin.GrantParams{ID: "weather", Digest: d.Waiting.Digest}, nil)
}

// troubles are, by the reason that the page says a gateway will give, what brings it about: a change of
// the manifest, and sometimes of the folder.
var troubles = map[string]func(t *testing.T, folder, manifest string) string{
	"needs grant: emit": func(_ *testing.T, _, m string) string {
		return strings.Replace(m, `"permissions": {`, `"permissions": {"emit": {"reason": "To tell."},`, 1)
	},
	"name: is missing": func(_ *testing.T, _, m string) string { return strings.Replace(m, `"name": "Weather", `, "", 1) },
	"there is no other.wasm": func(_ *testing.T, _, m string) string {
		return strings.Replace(m, "plugin.wasm", "other.wasm", 1)
	},
	"the manifest provides what the code does not export": func(_ *testing.T, _, m string) string {
		return strings.Replace(m, `"provides": {`, `"provides": {"hooks": [{"name": "message_sending"}], `, 1)
	},
	"the code imports what the manifest does not ask for": func(_ *testing.T, _, m string) string {
		return regexp.MustCompile(`(?m)^ *"http": .*\n`).ReplaceAllString(m, "")
	},
	"this is a wasm component": func(t *testing.T, folder, m string) string {
		write(t, filepath.Join(folder, "component.wasm"), "\x00asm\x0d\x00\x01\x00")
		return strings.Replace(m, "plugin.wasm", "component.wasm", 1)
	},
}

// until waits until the plugin is as ok wants it: each step of its life is an event.
func until(t *testing.T, l *kerneltest.Listener, what string, ok func(plugin.Status) bool) plugin.Status {
	t.Helper()
	var found plugin.Status
	l.Until(what, func([]client.Event) bool {
		var list struct{ Plugins []plugin.Status }
		l.MustCall("plugins.status", nil, &list)
		i := slices.IndexFunc(list.Plugins, func(p plugin.Status) bool { return p.ID == "weather" })
		if i >= 0 {
			found = list.Plugins[i]
		}
		return i >= 0 && ok(found)
	})
	return found
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a command that has to succeed.
func run(t *testing.T, dir, state string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CARAPACE_STATE_DIR="+state, "GOFLAGS=-mod=mod", "GONOSUMDB=*")
	out, err := cmd.CombinedOutput()
	if err != nil || command[0] == "gofmt" && len(out) > 0 {
		t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
}
