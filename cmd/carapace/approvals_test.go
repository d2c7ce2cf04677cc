package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
)

// TestApprovalsPage runs every command that docs/approvals.md shows, while a client asks what the page says is asked.
func TestApprovalsPage(t *testing.T) {
	state := stateDir(t)
	g := serve(t, state)
	token, err := os.ReadFile(filepath.Join(state, kernel.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), client.Options{URL: g.WebSocket(), Token: strings.TrimSpace(string(token))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answered := make(chan error, 1)
	var answer approval.Decided
	go func() {
		answered <- c.Call(t.Context(), "exec.approval.request", map[string]any{"command": "uptime", "agentId": "main"}, &answer)
	}()
	id := ""
	for id == "" {
		var list []approval.ExecPending
		if err := c.Call(t.Context(), "exec.approval.list", nil, &list); err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			id = list[0].ID
		}
	}
	bin, ran := path(t), 0
	for _, b := range blocks(t, "docs/approvals.md") {
		switch b.language {
		case "console":
			ran += play(t, state, bin, strings.ReplaceAll(b.text, "4b7e0a52-9c1d-4f0e-8a63-2d5f1e9b7c10", id), strings.NewReplacer())
		case "json":
			if c, err := config.Parse([]byte(b.text)); err != nil || len(c.Agent.Approve) != 2 {
				t.Errorf("%v: %s", err, b.text)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if err := <-answered; err != nil || answer.Decision == nil || *answer.Decision != approval.AllowOnce || ran != 13 {
		t.Errorf("%v %+v, %d commands", err, answer, ran)
	}
	go func() {
		answered <- c.Call(t.Context(), "plugin.approval.request", map[string]any{"title": "Buy it?", "description": "It costs 1."}, &answer)
	}()
	for {
		r := carapace(t, state, "approvals", "list")
		if id, _, _ := strings.Cut(r.out[strings.Index(r.out, "\n")+1:], " "); strings.Contains(r.out, "Buy it?: It costs 1.") {
			if r := carapace(t, state, "approvals", "deny", id); r.code != 0 || r.out != "denied\n" {
				t.Errorf("%d %s", r.code, r.err)
			}
			break
		}
	}
	if err := <-answered; err != nil || answer.Decision == nil || *answer.Decision != approval.Deny {
		t.Errorf("%v %+v", err, answer)
	}
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"allow", "nothing"}, "there is no approval nothing: `carapace approvals list` shows which there are"},
		{[]string{"policy", "--security", "maybe"}, "write one of deny, allowlist, full"},
		{[]string{"allowlist", "remove", "/usr/bin/git"}, "there is no pattern /usr/bin/git: `carapace approvals allowlist list` shows which there are"},
		{[]string{"allowlist", "add", "tool:calendar*", "--agent", "main"}, "is on the list already"},
	} {
		if r := carapace(t, state, append([]string{"approvals"}, wrong.args...)...); r.code == 0 || !strings.Contains(r.err, wrong.says) {
			t.Errorf("approvals %q: %d %s", wrong.args, r.code, r.err)
		}
	}
}
