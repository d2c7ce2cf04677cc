package main

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// TestAgentsPage runs every command that docs/agents.md shows.
func TestAgentsPage(t *testing.T) {
	state := stateDir(t)
	serve(t, state)
	bin, ran := path(t), 0
	for _, b := range blocks(t, "docs/agents.md") {
		switch b.language {
		case "console":
			ran += play(t, state, bin, b.text, strings.NewReplacer())
		case "json":
			if c, err := config.Parse([]byte(b.text)); err != nil || len(c.Roster()) != 2 || len(c.Bindings) != 2 {
				t.Errorf("%v: %s", err, b.text)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 12 {
		t.Errorf("%d commands", ran)
	}
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"add", "Main"}, `agent "main" already exists`},
		{[]string{"set", "nobody", "--name", "x"}, `agent "nobody" not found`},
		{[]string{"set", "main", "--tools", "group:fs"}, "is no name of a tool"},
		{[]string{"remove", "main"}, "make another one the default first"},
		{[]string{"bind", "nobody", "telegram"}, `there is no agent "nobody": there are main`},
		{[]string{"bind", "main", "telegram", "--peer", "dog:1"}, "it begins with direct, group or channel"},
		{[]string{"unbind", "telegram"}, "there is no binding of telegram: `carapace agents list` shows which there are"},
		{[]string{"file", "main", "SOUL.md"}, "agent main has no SOUL.md"},
		{[]string{"file", "main", "x.md"}, "an agent may have AGENTS.md"},
	} {
		if r := carapace(t, state, append([]string{"agents"}, wrong.args...)...); r.code == 0 || !strings.Contains(r.err, wrong.says) {
			t.Errorf("agents %q: %d %s", wrong.args, r.code, r.err)
		}
	}
	for _, args := range [][]string{{"set", "main", "--tools", "none", "--deny", "x"}, {"set", "main", "--tools", "all", "--model", ""}} {
		if r := carapace(t, state, append([]string{"agents"}, args...)...); r.code != 0 {
			t.Errorf("agents %q: %s", args, r.err)
		}
	}
	if r := carapace(t, state, "config", "get", "agents"); strings.Contains(r.out, "allow") || !strings.Contains(r.out, `"deny"`) {
		t.Errorf("the file says\n%s", r.out)
	}
}
