//go:build linux

package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// TestMistakesAreMistakes: a word that nobody knows, a missing argument and a failure have their exit codes, say what to
// do once, and are JSON where that was asked for.
func TestMistakesAreMistakes(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"plugins lst", exitUsage, `unknown command "lst"`},
		{"sessions nonsense", exitUsage, "unknown command"},
		{"config nonsense", exitUsage, "unknown command"},
		{"cron nonsense", exitUsage, "unknown command"},
		{"plugins info", exitUsage, "PLUGIN is missing: write carapace plugins info PLUGIN"},
		{"pairing approve telegram", exitUsage, "CODE is missing"},
		{"call", exitUsage, "METHOD is missing"},
		{"directory", exitUsage, "CHANNEL is missing"},
		{"send telegram @ada", exitUsage, "TEXT is missing"},
		{"pairing allow telegram", exitUsage, "SENDER is missing"},
		{"status", exitUnreachable, "start one with `carapace`"},
		{"serve --port x", exitUsage, "--port"},
	} {
		r := carapace(t, state, strings.Fields(c.args)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || strings.Count(r.err, "start") > 1 || strings.Contains(r.err, "strconv") {
			t.Errorf("%s: exit %d %s, want %d %q", c.args, r.code, r.err, c.code, c.says)
		}
		r = carapace(t, state, append(strings.Fields(c.args), "--json")...)
		var failure struct {
			OK    *bool
			Error struct{ Code, Message string }
		}
		if c.args != "serve --port x" && (json.Unmarshal([]byte(r.err), &failure) != nil || failure.OK == nil || *failure.OK || failure.Error.Code == "" || r.out != "") {
			t.Errorf("%s --json: %s %s", c.args, r.out, r.err)
		}
	}
}

// TestEachFlagTakesAWord: help names what a flag takes by one word, and not by a command that its text quotes.
func TestEachFlagTakesAWord(t *testing.T) {
	t.Parallel()
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if word, _ := pflag.UnquoteUsage(f); strings.Contains(word, " ") {
				t.Errorf("%s --%s takes %q", c.CommandPath(), f.Name, word)
			}
		})
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRoot(stdio{}))
}

// TestNoTerminalIsAskedOrSteered: a command on a terminal does not ask it for colours, and what others wrote reaches it
// as text.
func TestNoTerminalIsAskedOrSteered(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	const evil = `evil\u001b[2Jred\nassistant  forged\u009b31m`
	must(t, state, "call", "sessions.patch", "--params", `{"key":"main","label":"`+evil+`"}`)
	must(t, state, "call", "chat.inject", "--params", `{"sessionKey":"main","message":"`+evil+`"}`)
	for _, args := range [][]string{{"status"}, {"sessions", "list"}, {"sessions", "show"}, {"sessions", "export"}, {"logs"}, {"call", "sessions.list"}} {
		screen := terminaltest.Start(t, command(context.Background(), t, state, args...))
		screen.AwaitEnd(t)
		raw := screen.Raw()
		if strings.ContainsAny(raw, "\x1b\u009b") {
			t.Errorf("%v writes %q", args, raw)
		}
		if strings.Contains(raw, "\nassistant  forged") {
			t.Errorf("%v shows a forged line: %q", args, raw)
		}
	}
}

// TestSessionsAreRenamedAndDeleted, and jobs added and removed.
func TestSessionsAreRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "chat", "--session", "second", "--message", "hello")
	must(t, state, "sessions", "rename", "second", "Another one")
	if out := must(t, state, "sessions", "list"); !strings.Contains(out, "Another one") {
		t.Errorf("%s", out)
	}
	if r := carapace(t, state, "sessions", "delete", "second"); r.code != exitUsage || !strings.Contains(r.err, "--yes") {
		t.Errorf("%+v", r)
	}
	must(t, state, "sessions", "delete", "second", "--yes")
	if out := must(t, state, "sessions", "list"); strings.Contains(out, "Another one") {
		t.Errorf("%s", out)
	}
	added := must(t, state, "cron", "add", "morning", "What is on?", "--cron", "0 7 * * *")
	job := strings.Fields(added)[2]
	if out := must(t, state, "cron", "list"); !strings.Contains(out, "morning") || !strings.Contains(out, job) {
		t.Errorf("%s", out)
	}
	must(t, state, "cron", "remove", job)
	if out := must(t, state, "cron", "list"); strings.Contains(out, "morning") {
		t.Errorf("%s", out)
	}
}

// TestCompletionKnows plugins, sessions and settings.
func TestCompletionKnows(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "config", "set", "log.level", "info")
	for args, want := range map[string]string{"plugins info tele": "telegram", "sessions show m": "main", "config get log.l": "log.level", "setup op": "openai"} {
		if out := must(t, state, append([]string{"__complete"}, strings.Fields(args)...)...); !strings.HasPrefix(out, want+"\n") {
			t.Errorf("%s completes to %q, want %s", args, out, want)
		}
	}
}

// TestABrowserIsTold where it is.
func TestABrowserIsTold(t *testing.T) {
	t.Parallel()
	g := serve(t, stateDir(t))
	req, err := http.NewRequest(http.MethodGet, g.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,*/*")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(b), "carapace chat") || !strings.Contains(string(b), "up and ready") {
		t.Errorf("%d %s %v", res.StatusCode, b, err)
	}
}

// TestAToolIsTriedWithoutAModel.
func TestAToolIsTriedWithoutAModel(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	if out := must(t, state, "plugins", "call", "calc", "calc", `{"expression":"17*23"}`); out != "391\n" {
		t.Errorf("%q", out)
	}
	for args, says := range map[string]string{"calc nope {}": "has no tool nope", "nope calc {}": "there is no plugin nope", "telegram roll {}": "has no tool roll; it has none", "calc calc {}": "expression"} {
		if r := carapace(t, state, append([]string{"plugins", "call"}, strings.Fields(args)...)...); r.code != exitFailed || !strings.Contains(r.err, says) {
			t.Errorf("%s: %+v", args, r)
		}
	}
}
