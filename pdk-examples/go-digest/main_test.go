package main

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestDigest: of what was said, that of the last day is summed up, once for each time that the job is due.
func TestDigest(t *testing.T) {
	due := time.Date(2026, 1, 2, 8, 0, 0, 0, time.UTC).UnixMilli()
	hour := time.Hour.Milliseconds()
	ann := &wit.Person{ID: "ann"}
	h := &sdktest.Host{
		Sessions: []wit.SessionSummary{{Session: "a", Updated: due - hour}, {Session: "old", Updated: due - 30*hour}},
		Histories: map[string][]wit.HistoryMessage{"a": {
			{Number: 1, Role: wit.RoleUser, Sender: ann, Time: due - 30*hour, Text: "long ago"},
			{Number: 2, Role: wit.RoleUser, Sender: ann, Time: due - 2*hour, Text: "the boiler leaks"},
			{Number: 3, Role: wit.RoleAssistant, Time: due - 2*hour, Text: "oh"},
		}},
	}
	call := &wit.ToolInvocation{Args: wit.JSON(`{"hour":8}`), Context: wit.ToolContext{Session: "main"}}
	if _, err := (digest{}).Invoke(h.SDK(), call); err != nil || *h.Jobs["digest"].Cron != "0 8 * * *" {
		t.Fatalf("%+v, %v", h.Jobs, err)
	}
	for range 2 {
		if _, err := (digest{}).Fire(h.SDK(), &wit.Firing{ID: "digest", Due: due, Payload: h.Jobs["digest"].Payload}); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.Runs) != 1 || !strings.HasSuffix(h.Runs[0].Message, "\n\nann: the boiler leaks\n") || *h.Runs[0].Deliver.Session != "main" || !h.Runs[0].NoTools {
		t.Errorf("asked %+v", h.Runs)
	}
	if _, err := (digest{}).Fire(h.SDK(), &wit.Firing{ID: "digest", Due: due + 100*hour, Payload: h.Jobs["digest"].Payload}); err != nil || len(h.Runs) != 1 {
		t.Errorf("of nothing: %+v, %v", h.Runs, err)
	}
}
