package main

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRemind: what is asked for twice, and fires twice, is one message.
func TestRemind(t *testing.T) {
	h := &sdktest.Host{}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	call := &wit.ToolInvocation{Name: "remind", Args: wit.JSON(`{"seconds":90,"text":"tea"}`),
		Context: wit.ToolContext{Session: "agent:main:chat:dm:ann", Run: "r1", CallID: "c1", Now: now.UnixMilli()}}
	for range 2 {
		out, err := reminder{}.Invoke(h.SDK(), call)
		if err != nil || *out.Content[0].Text != "They will be reminded at 2026-01-02T03:05:35Z." {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if len(h.Jobs) != 1 {
		t.Fatalf("the jobs are %+v", h.Jobs)
	}
	for id, job := range h.Jobs {
		for range 2 {
			if _, err := (reminder{}).Fire(h.SDK(), &wit.Firing{ID: id, Due: *job.At, Payload: job.Payload}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(h.Sent) != 1 || h.Sent[0].Text != "⏰ tea" || *h.Sent[0].Session != "agent:main:chat:dm:ann" {
		t.Errorf("sent %+v", h.Sent)
	}
	if _, err := (reminder{}).Fire(h.SDK(), &wit.Firing{Payload: wit.JSON(`{`)}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a broken job: %v", err)
	}
}
