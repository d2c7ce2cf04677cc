package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatIsNotDoneFails: a command that names what there is not, or gives what cannot be, says so in plain words, in
// JSON where that was asked for, and changes nothing.
func TestWhatIsNotDoneFails(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "config", "set", "agent.name", "Ada")
	settings, sessions := must(t, state, "config", "get"), must(t, state, "sessions", "list")
	huge := strings.Repeat("x", 2000)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitFailed, "there is no session nosuch: `carapace sessions list`", []string{"sessions", "delete", "nosuch", "--yes"}},
		{exitFailed, "there is no session nosuch", []string{"sessions", "delete", "nosuch"}},
		{exitFailed, "there is no session nosuch", []string{"sessions", "rename", "nosuch", "X"}},
		{exitFailed, "there is no session nosuch", []string{"sessions", "show", "nosuch"}},
		{exitFailed, "there is no session nosuch", []string{"sessions", "export", "nosuch"}},
		{exitUsage, "TITLE is empty", []string{"sessions", "rename", "main", ""}},
		{exitUsage, "SESSION is empty", []string{"sessions", "show", " "}},
		{exitUsage, `"extra" is too much: write carapace sessions list`, []string{"sessions", "list", "extra"}},
		{exitUsage, "from 1 to 1000", []string{"sessions", "show", "--limit", "0"}},
		{exitUsage, "from 1 to 5000", []string{"logs", "--limit", "5001"}},
		{exitFailed, "there is no message x: `carapace delivery list`", []string{"delivery", "release", "x"}},
		{exitFailed, "there is no message x", []string{"delivery", "drop", "x"}},
		{exitFailed, "there is no message " + huge[:100] + ":", []string{"delivery", "drop", huge[:1024]}},
		{exitFailed, "there is no request x: `carapace devices list`", []string{"devices", "approve", "x"}},
		{exitFailed, "there is no request x", []string{"devices", "reject", "x"}},
		{exitFailed, "there is no device x", []string{"devices", "revoke", "x"}},
		{exitFailed, "there is no device x", []string{"devices", "rename", "x", "a phone"}},
		{exitFailed, "there is no job x: `carapace cron list`", []string{"cron", "run", "x"}},
		{exitFailed, "there is no job x", []string{"cron", "remove", "x"}},
		{exitUsage, "JOB is empty", []string{"cron", "remove", ""}},
		{exitUsage, "more than 0", []string{"cron", "add", "a", "b", "--every", "-5m"}},
		{exitFailed, "there is no plugin x: `carapace plugins list`", []string{"plugins", "info", "x"}},
		{exitFailed, "there is no plugin x", []string{"plugins", "enable", "x"}},
		{exitFailed, "there is no plugin x", []string{"plugins", "disable", "x"}},
		{exitFailed, "there is no plugin x", []string{"plugins", "grant", "x"}},
		{exitFailed, "there is no plugin x", []string{"plugins", "call", "x", "y", "{}"}},
		{exitFailed, "there is no plugin x", []string{"setup", "x"}},
		{exitUsage, "calc is no channel", []string{"setup", "calc", "--dm", "open"}},
		{exitUsage, "calc is no channel", []string{"setup", "calc", "--account", "work"}},
		{exitUsage, "calc has no such setting; it has none", []string{"setup", "calc", "--set", "x=1"}},
		{exitFailed, "telegram has no credential x; it has botToken, webhookSecret", []string{"setup", "telegram", "--secret", "x=env:GOOD"}},
		{exitUsage, "standard input is empty", []string{"setup", "telegram", "--secret", "botToken=-"}},
		{exitUsage, "not set, or empty", []string{"setup", "telegram", "--secret", "botToken=env:NO_SUCH_VARIABLE"}},
		{exitFailed, "`carapace setup telegram` asks for it; in a script, add --secret botToken=env:VARIABLE", []string{"setup", "telegram"}},
		{exitFailed, "`carapace setup telegram --account work` asks for it", []string{"setup", "telegram", "--account", "work"}},
		{exitFailed, "`carapace setup openai` asks for it; in a script, add --secret api_key=env:VARIABLE", []string{"setup", "openai"}},
		{exitUsage, `there is no setting "a": there are gateway`, []string{"config", "get", "a.b"}},
		{exitUsage, "there is no plugin nosuch", []string{"config", "get", "plugins.nosuch"}},
		{exitUsage, `openai has no setting "colour": there are api_key`, []string{"config", "get", "plugins.openai.config.colour"}},
		{exitFailed, "log.level is not set: its default holds", []string{"config", "get", "log.level"}},
		{exitUsage, `there is no setting "nothing"`, []string{"config", "unset", "nothing.there"}},
		{exitFailed, "log.level is not set: its default holds", []string{"config", "unset", "log.level"}},
		{exitUsage, "openai has no setting", []string{"config", "unset", "plugins.openai.config.colour"}},
		{exitUsage, "--session is empty", []string{"chat", "--message", "x", "--session", ""}},
		{exitFailed, "is not a session key", []string{"chat", "--message", "x", "--session", huge}},
		{exitFailed, `unknown agent id "nobody"`, []string{"chat", "--message", "x", "--session", "agent:nobody:x"}},
		{exitUsage, "more than 0", []string{"chat", "--message", "x", "--timeout", "0s"}},
		{exitFailed, "--timeout is over before the gateway said that it has the message: `carapace sessions show main` says whether it was asked", []string{"chat", "--message", "x", "--timeout", "1ns"}},
		{exitUsage, `unknown command "nosuch"`, []string{"help", "nosuch"}},
		{exitUsage, `unknown command "nosuch"`, []string{"help", "sessions", "nosuch"}},
		{exitUsage, `unknown command "nosuch"`, []string{"completion", "nosuch"}},
		{exitUsage, `unknown command "nosuch"`, []string{"nosuch"}},
		{exitUsage, "no address of a gateway", []string{"status", "--url", "ftp://x"}},
		{exitUsage, "no address of a gateway", []string{"status", "--url", "nowhere"}},
		{exitFailed, "wants another token: give its own with --token", []string{"status", "--token", "wrong"}},
	} {
		r := carapace(t, state, c.args...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || strings.Contains(r.err, "store:") || strings.Contains(r.err, "Id") || strings.Contains(r.err, "params") {
			t.Errorf("carapace %.200q: exit %d %s, want %d %q", c.args, r.code, r.err, c.code, c.says)
		}
		r = carapace(t, state, append(c.args[:len(c.args):len(c.args)], "--json")...)
		var failure struct {
			OK    *bool
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(r.err), &failure); err != nil || failure.OK == nil || *failure.OK || failure.Error.Code == "" || r.out != "" && !strings.Contains(r.out, `"error": "unknown agent`) {
			t.Errorf("carapace %.200q --json: %s %s", c.args, r.out, r.err)
		}
	}
	if after := must(t, state, "config", "get"); after != settings {
		t.Errorf("the settings are %s", after)
	}
	if after := must(t, state, "sessions", "list"); after != sessions {
		t.Errorf("the sessions are\n%s", after)
	}
}

// TestAToolThatFails is shown with what it says, and the command fails.
func TestAToolThatFails(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, extra := range [][]string{nil, {"--json"}} {
		r := carapace(t, state, append([]string{"plugins", "call", "calc", "calc", `{"expression":"1/0"}`}, extra...)...)
		if r.code != exitFailed || !strings.Contains(r.out, "division by zero") || !strings.Contains(r.err, "the tool says that it failed") {
			t.Errorf("%+v", r)
		}
	}
}

// TestAMessageThatIsTooLong is not cut and sent.
func TestAMessageThatIsTooLong(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for what, args := range map[string][]string{"message": {"chat", "--message", "-"}, "credential": {"setup", "openai", "--secret", "api_key=-"}} {
		cmd := command(t.Context(), t, state, args...)
		cmd.Stdin = strings.NewReader(strings.Repeat("x", maxAsk+1))
		out, _ := cmd.CombinedOutput() // its exit code is what counts
		if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "standard input has more than") {
			t.Errorf("%s: %s", what, out)
		}
	}
	if out := must(t, state, "sessions", "list"); strings.Contains(out, "main") {
		t.Errorf("it was said: %s", out)
	}
}

// TestAnEmptyConversation says so, and how it begins.
func TestAnEmptyConversation(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, args := range [][]string{{"sessions", "show"}, {"sessions", "show", "main"}} {
		if out := must(t, state, args...); out != "nothing was said here yet: `carapace chat` begins\n" {
			t.Errorf("%q: %q", args, out)
		}
	}
}

// TestJobsAreListedWithTheirTimes, as they were given, and when that is next.
func TestJobsAreListedWithTheirTimes(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for _, when := range [][]string{{"--every", "5m"}, {"--every", "90m"}, {"--every", "90s"}, {"--every", "48h"}, {"--cron", "0 7 * * *"}, {"--at", "2126-01-01T08:00:00Z"}} {
		must(t, state, append([]string{"cron", "add", "job", "hello"}, when...)...)
	}
	must(t, state, "call", "cron.add", "--params", `{"name":"zoned","schedule":{"kind":"cron","expr":"0 7 * * 1","tz":"Asia/Tokyo"},"sessionTarget":"isolated","payload":{"kind":"agentTurn","message":"x"}}`)
	list := squeeze(must(t, state, "cron", "list"))
	for _, want := range []string{"JOB NAME WHEN NEXT STATE\n", " job every 5m 2", " job every 1h30m 2", " job every 1m30s 2", " job every 48h 2", " job 0 7 * * * 2", " job at 2126-01-01T0", " zoned 0 7 * * 1 Asia/Tokyo 2"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
}

// TestSettingsAreCompleted without a config file, with one, and with a broken one.
func TestSettingsAreCompleted(t *testing.T) {
	t.Parallel()
	state := filepath.Join(stateDir(t), "new")
	completed := func(typed, want string) {
		t.Helper()
		for _, command := range []string{"get", "set", "unset"} {
			if out := must(t, state, "__complete", "config", command, typed); !strings.HasPrefix(out, want+"\n:") {
				t.Errorf("config %s %s completes to %q, want %q", command, typed, out, want)
			}
		}
	}
	completed("log", "log\nlog.format\nlog.level")
	completed("time", "timeZone")
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("completion has made the state directory: %v", err)
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, settingsPath(state), `{"log": {"level": "info"}, "plugins": {"own": {"config": {"colour": "red"}}}}`)
	completed("log", "log\nlog.format\nlog.level")
	completed("plugins.own.config.", "plugins.own.config.colour")
	write(t, settingsPath(state), "{broken")
	completed("log", "log\nlog.format\nlog.level")
}

// TestAPluginThatDoesNotRunIsNotEnabled in so many words: it is on, and the reason is told.
func TestAPluginThatDoesNotRunIsNotEnabled(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	folder := filepath.Join(state, "plugins", "broken")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "plugin.wasm"), "I am no code")
	write(t, filepath.Join(folder, "plugin.json"), `{"id":"broken","name":"Broken","version":"1.0.0","description":"x","abi":1,"entry":"plugin.wasm",
		"provides":{"tools":[{"name":"broken","description":"x","parameters":{"type":"object"}}]}}`)
	serve(t, state)
	await(t, "the plugin to fail", func() bool { return strings.Contains(plugins(t, state), "failed") })
	if r := carapace(t, state, "plugins", "enable", "broken"); r.code != exitFailed || !strings.Contains(r.err, "it is on, but it does not run: ") {
		t.Errorf("%+v", r)
	}
	if out := must(t, state, "plugins", "enable", "redact"); out != "enabled\n" {
		t.Errorf("%q", out)
	}
}

// TestAnEmptyListSaysSo, and where its lines come from.
func TestAnEmptyListSaysSo(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	for args, want := range map[string]string{
		"sessions list": "there is no conversation yet: `carapace chat`", "cron list": "there is no job: `carapace cron add`", "delivery list": "all messages were sent",
		"pairing list": "nobody asks to write", "pairing approved": "nobody was approved: `carapace pairing list`", "credentials list": "no credential is kept: `carapace setup`",
	} {
		if out := must(t, state, strings.Fields(args)...); !strings.HasPrefix(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %q", args, out)
		}
		if out := must(t, state, append(strings.Fields(args), "--json")...); !json.Valid([]byte(out)) {
			t.Errorf("%s --json: %q", args, out)
		}
	}
}

// TestANameThatNobodyHasIsNoted where it may be right all the same.
func TestANameThatNobodyHasIsNoted(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	const note = "note: there is no plugin telegarm: `carapace plugins list` shows which there are\n"
	for _, args := range [][]string{{"pairing", "owner", "telegarm", "4711"}, {"config", "set", "plugins.telegarm.enabled", "true"}} {
		if r := carapace(t, state, args...); r.code != 0 || r.err != note {
			t.Errorf("%q: %+v", args, r)
		}
	}
	for _, args := range [][]string{{"pairing", "owner", "telegram", "4711"}, {"config", "set", "plugins.telegram.enabled", "true"}} {
		if r := carapace(t, state, args...); r.code != 0 || r.err != "" {
			t.Errorf("%q: %+v", args, r)
		}
	}
	if out := must(t, state, "setup", "calc"); out != "Calculator is on; it has nothing to set up\n" {
		t.Errorf("%q", out)
	}
}
