package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/audit"
)

// TestAuditPage runs every command that docs/audit.md shows.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	bin, ran := path(t), 0
	for _, b := range blocks(t, "docs/audit.md") {
		if b.language != "console" {
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
		ran += play(t, state, bin, b.text, strings.NewReplacer())
	}
	if ran != 5 {
		t.Errorf("%d commands", ran)
	}
	var r audit.Result
	if err := json.Unmarshal([]byte(must(t, state, "audit", "--method", "config.patch", "--json")), &r); err != nil || len(r.Events) != 1 || r.Events[0].Call.Outcome != "ok" {
		t.Errorf("%v %+v", err, r)
	}
	if out := must(t, state, "audit", "--kind", "runs"); out != "nothing is noted yet\n" {
		t.Errorf("%s", out)
	}
	if r := carapace(t, state, "audit", "--kind", "nonsense"); r.code != exitUsage || !strings.Contains(r.err, "calls, runs or all") {
		t.Errorf("%+v", r)
	}
	if out := must(t, state, "__complete", "audit", "--kind", "r"); !strings.Contains(out, "runs\n") {
		t.Errorf("%q", out)
	}
}
