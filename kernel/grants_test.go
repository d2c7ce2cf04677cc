package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
)

// TestWhatWasAllowedAlways is listed with where it comes from and what became of it, and is asked about again once it was
// taken back.
func TestWhatWasAllowedAlways(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t)
	l, asker := k.Listen(), k.Dial()
	// ask says how a request ends, which is decided so where it is asked at all.
	asked := 0
	ask := func(decision approval.Decision) approval.Decision {
		t.Helper()
		asked++
		id := fmt.Sprint("request-", asked)
		uptime := object{"id": id, "command": "uptime -p", "resolvedPath": "/usr/bin/uptime", "agentId": "main", "cwd": "/home/ada"}
		got, done := approval.Decided{}, make(chan error, 1)
		go func() { done <- asker.Call(context.Background(), "exec.approval.request", uptime, &got) }()
		if decision != "" {
			l.Event("exec.approval.requested", func(b json.RawMessage) bool { return strings.Contains(string(b), `"`+id+`"`) })
			l.MustCall("exec.approval.resolve", object{"id": id, "decision": decision}, nil)
		}
		if err := <-done; err != nil || got.Decision == nil {
			t.Fatalf("%v %+v", err, got)
		}
		return *got.Decision
	}
	list := func() []approval.Grant {
		var out approval.GrantsResult
		l.MustCall("exec.approval.grants.list", object{}, &out)
		return out.Grants
	}
	revoke := func(id string) string {
		var out approval.RevokeResult
		l.MustCall("exec.approval.grants.revoke", object{"grantId": id}, &out)
		return out.Outcome
	}
	l.MustCall("exec.approvals.set", object{"file": object{"version": 1, "defaults": object{"security": "allowlist", "ask": "on-miss"},
		"agents": object{"main": object{"allowlist": []object{{"id": "by-hand", "pattern": "/bin/ls"}}}}}}, nil)
	ask(approval.AllowOnce)
	if got := list(); len(got) != 0 {
		t.Errorf("allowed once, and %+v", got)
	}
	ask(approval.AllowAlways)
	ask("")
	ask("")
	got := list()
	if len(got) != 1 || got[0].AgentID != "main" || got[0].Command != "uptime -p" || *got[0].CWD != "/home/ada" || got[0].UseCount != 2 || got[0].CreatedAtMs == 0 ||
		got[0].LastUsedAtMs == nil || got[0].RevokedAtMs != nil || got[0].MintedByApprovalID != "request-2" {
		t.Fatalf("what holds: %+v", got)
	}
	if out := revoke("none"); out != "not-found" {
		t.Errorf("no grant: %s", out)
	}
	if out := revoke("by-hand"); out != "not-found" {
		t.Errorf("what the owner wrote himself is taken back: %s", out)
	}
	if first, again := revoke(got[0].GrantID), revoke(got[0].GrantID); first != "revoked" || again != "already-revoked" {
		t.Errorf("%s %s", first, again)
	}
	if now := list(); len(now) != 1 || now[0].GrantID != got[0].GrantID || now[0].RevokedAtMs == nil || now[0].RevokedBy == nil || now[0].UseCount != 2 || now[0].Command != "uptime -p" {
		t.Errorf("what was taken back: %+v", now)
	}
	if decision := ask(approval.Deny); decision != approval.Deny {
		t.Errorf("it is not asked about: %s", decision)
	}
	ask(approval.AllowAlways)
	if now := list(); len(now) != 2 || now[0].RevokedAtMs != nil || now[1].RevokedAtMs == nil {
		t.Errorf("allowed again: %+v", now)
	}
	var policy approval.Snapshot
	l.MustCall("exec.approvals.get", nil, &policy)
	if entries := policy.File.Agents["main"].Allowlist; len(entries) != 2 || entries[0].ID != "by-hand" {
		t.Errorf("the allowlist: %+v", entries)
	}
}
