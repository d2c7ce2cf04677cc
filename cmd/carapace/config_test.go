package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// settingsPath is the config file of a state directory.
func settingsPath(state string) string { return filepath.Join(state, "carapace.json") }

// TestSettingsHaveOnePlace: what setup, config and an editor change is the same file, each keeps what the others wrote,
// and all is in force in the running gateway.
func TestSettingsHaveOnePlace(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	write(t, settingsPath(state), `{"plugins": {"redact": {"enabled": false}, "openai": {"config": {"baseUrl": "http://127.0.0.1:9/v1", "model": "first"}}}}`)
	g := serve(t, state)
	if out := plugins(t, state); !strings.Contains(out, "stopped") {
		t.Fatalf("the file's word does not hold: %s", out)
	}
	must(t, state, "plugins", "enable", "redact")
	if got := must(t, state, "config", "get", "plugins.redact.enabled"); got != "true\n" {
		t.Errorf("enabled and the file says %q", got)
	}
	must(t, state, "config", "set", "plugins.openai.config.model", "second")
	if got := must(t, state, "config", "get", "plugins.openai.config.baseUrl"); got != "http://127.0.0.1:9/v1\n" {
		t.Errorf("the address is %q after another model was chosen", got)
	}
	must(t, state, "config", "set", "agent.name", "42")
	must(t, state, "config", "set", "log.level", "debug")
	await(t, "debug lines in the log", func() bool { return strings.Contains(must(t, state, "logs"), "[DEBUG]") })
	if out := must(t, state, "config", "set", "gateway.port", "18790"); !strings.Contains(out, "after a restart of the gateway: gateway.port") {
		t.Errorf("%s", out)
	}
	must(t, state, "config", "unset", "gateway.port")

	b, err := os.ReadFile(settingsPath(state))
	if err != nil {
		t.Fatal(err)
	}
	write(t, settingsPath(state), strings.Replace(string(b), `"second"`, `"third"`, 1))
	await(t, "the edited file to be in force", func() bool {
		return strings.Contains(must(t, state, "status"), "openai/third")
	})
	write(t, settingsPath(state), "{\n  \"agent\": {\"nam\": 1}\n}")
	await(t, "the mistake to be logged", func() bool { return strings.Contains(g.Log(), "line 2, column 13: agent has no field") })
	if r := carapace(t, state, "doctor"); r.code != exitFailed || !strings.Contains(r.out, "line 2, column 13") {
		t.Errorf("doctor: %d %s", r.code, r.out)
	}
	if out := must(t, state, "status"); !strings.Contains(out, "openai/third") {
		t.Errorf("the last good settings are gone: %s", out)
	}
	if r := carapace(t, state, "config", "set", "log.level", "info"); r.code != exitFailed || !strings.Contains(r.err, "has to be mended") {
		t.Errorf("a broken file was written over: %d %s", r.code, r.err)
	}
	cmd := command(context.Background(), t, state, "config", "edit")
	cmd.Env = append(cmd.Env, "VISUAL=", "EDITOR=sed -i s/nam/name/;s/1/\"Ada\"/")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("an editor that is two commands: %s", out)
	}
	cmd = command(context.Background(), t, state, "config", "edit")
	cmd.Env = append(cmd.Env, "VISUAL=", `EDITOR=sed -i 's/"nam": 1/"name": "Ada"/'`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("config edit: %v %s", err, out)
	}
	if got := must(t, state, "config", "get", "agent.name"); got != "Ada\n" {
		t.Errorf("agent.name is %q", got)
	}
}

// TestConfigIsDescribed: which settings there are, what they are for, and whether a file could be used.
func TestConfigIsDescribed(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	if got := must(t, state, "config", "describe", "gateway"); !strings.Contains(got, "port") || !strings.Contains(got, "18789 when 0") || !strings.Contains(got, "restart") {
		t.Errorf("%s", got)
	}
	if got := must(t, state, "config", "describe"); !strings.Contains(got, "owners") {
		t.Errorf("%s", got)
	}
	if r := carapace(t, state, "config", "describe", "gatway"); r.code != exitFailed || !strings.Contains(r.err, "nothing can stand at gatway") {
		t.Errorf("%d %s", r.code, r.err)
	}
	file := filepath.Join(t.TempDir(), "new.json")
	for text, says := range map[string]string{`{"log":{"level":"debug"}}`: "can be used", `{"log":{"level":"loud"}}`: "log.level"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := carapace(t, state, "config", "validate", file)
		if good := says == "can be used"; good != (r.code == 0) || !strings.Contains(r.out+r.err, says) {
			t.Errorf("%s: %d %s %s, want %s", text, r.code, r.out, r.err, says)
		}
	}
	if r := carapace(t, state, "config", "get", "log.level"); r.code == 0 {
		t.Errorf("validate has changed something: %s", r.out)
	}
}

// TestConfigWithoutAGateway works on the file, also on one that no gateway would start with.
func TestConfigWithoutAGateway(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	must(t, state, "config", "set", "gateway.bind", "all")
	if got := must(t, state, "config", "get", "--json"); !json.Valid([]byte(got)) || !strings.Contains(got, `"bind": "all"`) {
		t.Errorf("%s", got)
	}
	for args, says := range map[string]string{
		"set gateway.port x":           "gateway.port must be a whole number, not a text",
		"set gateway.prot 1":           `gateway has no field "prot": there are port`,
		"set log.level loud":           "must be one of trace, debug",
		"set a..b 1":                   "is no path",
		"set log.level":                "VALUE is missing: write carapace config set PATH VALUE",
		"get log.level":                "log.level is not set: its default holds",
		"get log.levl":                 `log has no field "levl": there are level, format`,
		"get gateway.port.x":           "gateway.port is a number: nothing stands below it",
		"get a.b":                      `there is no setting "a": there are gateway`,
		"unset nothing.there":          `there is no setting "nothing"`,
		"unset log.level":              "its default holds",
		"set owners telegram:1":        "owners must be a list, not a text",
		"get one two":                  `"two" is too much`,
		"set gateway.token [redacted]": "write the value itself",
	} {
		if r := carapace(t, state, append([]string{"config"}, strings.Fields(args)...)...); r.code == 0 || !strings.Contains(r.err, says) {
			t.Errorf("config %s: %d %s, want %q", args, r.code, r.err, says)
		}
	}
	must(t, state, "config", "set", "gateway.token", "s3cret")
	must(t, state, "config", "set", "owners", `["telegram:1"]`)
	if got := must(t, state, "config", "get"); strings.Contains(got, "s3cret") || !strings.Contains(got, "[redacted]") {
		t.Errorf("%s", got)
	}
	if b, err := os.ReadFile(settingsPath(state)); err != nil || !strings.Contains(string(b), "s3cret") {
		t.Errorf("%s %v", b, err)
	}
}
