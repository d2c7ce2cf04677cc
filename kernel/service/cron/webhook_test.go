package cron_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// TestWebhook: how a turn went is posted, again while that fails and may pass, with the same key, and the run says whether
// it was taken.
func TestWebhook(t *testing.T) {
	for _, c := range []struct {
		name     string
		refusals []wit.Code
		rest     string // of the delivery
		posts    int
		status   string
		fails    bool // the turn
	}{
		{name: "taken", posts: 1, status: "ok delivered"},
		{name: "taken later", refusals: []wit.Code{wit.CodeTimeout, wit.CodeUnavailable}, posts: 3, status: "ok delivered"},
		{name: "never taken", refusals: []wit.Code{wit.CodeUnavailable, wit.CodeUnavailable, wit.CodeUnavailable, wit.CodeUnavailable, wit.CodeUnavailable}, posts: 4, status: "error not-delivered"},
		{name: "never taken, by best effort", refusals: []wit.Code{wit.CodeForbidden}, rest: `,"bestEffort":true`, posts: 1, status: "ok not-delivered"},
		{name: "refused", refusals: []wit.Code{wit.CodeInvalid}, posts: 1, status: "error not-delivered"},
		{name: "of a turn that fails", posts: 1, status: "error delivered", fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 4, func(b *bench) {
				b.refusals = c.refusals
				id := b.add(job(`{"kind":"at","at":"2000-01-01T00:01:00Z"}`, "isolated", turn, `,"deleteAfterRun":false,"delivery":{"mode":"webhook","to":"https://example.org/done"`+c.rest+`}`))
				if out, err := b.call("cron.get", `{"id":"`+id+`"}`); err != nil || !strings.Contains(out, `"delivery":{"mode":"webhook","to":"https://example.org/done"`) {
					b.Errorf("%s, %v", out, err)
				}
				end := `"status":"ok","summary":"Hello!"`
				if c.fails {
					b.fail("no model")
					end = `"status":"error","summary":"Hello!","error":"`
				}
				b.sleep(3 * time.Minute)
				b.mu.Lock()
				posts := b.posts
				b.mu.Unlock()
				if len(posts) != c.posts {
					b.Fatalf("%d posts: %q", len(posts), posts)
				}
				for _, p := range posts {
					key := fmt.Sprintf("cron:%s:946684860000", id)
					if !strings.Contains(p, " https://example.org/done "+key+` {"jobId":"`+id+`","jobName":"n","action":"finished","runId":"`+key+`","dueAtMs":946684860000,`+end) {
						b.Errorf("%s", p)
					}
				}
				out, err := b.call("cron.runs", `{"id":"`+id+`"}`)
				for _, want := range strings.Fields(c.status) {
					if err != nil || !strings.Contains(out, `tatus":"`+want+`"`) {
						b.Errorf("%s, %v; want %s", out, err, c.status)
					}
				}
			})
		})
	}
}

// TestFailuresToldByWebhook: a failure is told to the address that the job names, and the main session where nothing takes it.
func TestFailuresToldByWebhook(t *testing.T) {
	for _, taken := range []bool{true, false} {
		inBubble(t, 4, func(b *bench) {
			status := "delivered"
			if !taken {
				status, b.refusals = "not-delivered", []wit.Code{wit.CodeForbidden, wit.CodeForbidden}
			}
			id := b.add(job(`{"kind":"at","at":"2000-01-01T00:01:00Z"}`, "isolated", turn,
				`,"deleteAfterRun":false,"delivery":{"mode":"none","failureDestination":{"mode":"webhook","to":"https://example.org/failed"}}`))
			b.fail("no model")
			b.sleep(2 * time.Minute)
			b.mu.Lock()
			posts := strings.Join(b.posts, "\n")
			b.mu.Unlock()
			if !strings.Contains(posts, "https://example.org/failed cron:"+id+":946684860000:failure {") || !strings.Contains(posts, `"status":"error","error":"Cron job \"n\" failed: `) {
				b.Errorf("%s", posts)
			}
			if out, err := b.call("cron.runs", `{"id":"`+id+`"}`); err != nil || !strings.Contains(out, `"failureNotificationDelivery":{"status":"`+status+`"`) {
				b.Errorf("%s, %v; want %s", out, err, status)
			}
			if said := b.heard(&b.said); (said == "") != taken {
				b.Errorf("the main session was told %q", said)
			}
		})
	}
}
