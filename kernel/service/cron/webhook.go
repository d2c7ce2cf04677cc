package cron

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// Webhooks take how turns went.
type Webhooks interface {
	// Post sends JSON to an address. key is the same for each call for one run, also after a crash. Errors: CodeUnavailable,
	// CodeTimeout or CodeRateLimited for what may pass.
	Post(ctx context.Context, address, key string, body []byte) error
}

// Report is what a webhook is sent of a turn that has ended. Times are Unix milliseconds.
type Report struct {
	JobID      string          `json:"jobId"`
	JobName    string          `json:"jobName"`
	Action     schedule.Action `json:"action" rpc:"enum=finished"`
	RunID      string          `json:"runId"`
	DueAtMs    int64           `json:"dueAtMs"`
	Status     schedule.Status `json:"status" rpc:"enum=ok|error"`
	Summary    string          `json:"summary,omitempty"`
	Error      string          `json:"error,omitempty"`
	SessionKey string          `json:"sessionKey,omitempty"`
	SessionID  string          `json:"sessionId,omitempty"`
}

// How often a report is sent, and how long is waited in between.
const postAttempts = 4

var postPause = retry.Backoff{Min: 2 * time.Second, Max: 30 * time.Second}

// post reports how a turn went, and returns how the run did then: a report that nobody has taken fails it, unless the job
// says bestEffort.
func (r runner) post(ctx context.Context, d details, f schedule.Firing, a *Answer, cause error) error {
	report := reportOf(f)
	report.Summary, report.SessionKey, report.SessionID = a.Text, a.Outcome.SessionKey, a.Outcome.SessionID
	if cause != nil {
		report.Status, report.Error = schedule.Failed, wit.AsError(cause).Error()
	}
	err := r.send(ctx, d.Delivery.To, f.Key, report)
	if err == nil {
		a.Outcome.DeliveryStatus = Delivered
		return cause
	}
	a.Outcome.DeliveryStatus, a.Outcome.DeliveryError = NotDelivered, err.Error()
	if cause == nil && !d.bestEffort() {
		cause = wit.Errorf(wit.CodeOf(err), "the webhook was not told: %w", err)
	}
	return cause
}

// reportOf is the report of a run that is well.
func reportOf(f schedule.Firing) Report {
	return Report{JobID: f.Job.ID, JobName: f.Job.Name, Action: schedule.Finished, RunID: f.Key, DueAtMs: f.Due, Status: schedule.OK}
}

// send posts a report until it is taken, or that can be expected no more.
func (r runner) send(ctx context.Context, address, key string, report Report) error {
	body, err := json.Marshal(report)
	for n := 1; err == nil; n++ {
		if err = r.webhooks.Post(ctx, address, key, body); err == nil || n == postAttempts || !passing(err) {
			return err
		}
		retry.Sleep(ctx, postPause.Delay(n))
		err = ctx.Err()
	}
	return err
}

// passing reports whether an error may be another one, or none, a little later.
func passing(err error) bool {
	code := wit.CodeOf(err)
	return code == wit.CodeUnavailable || code == wit.CodeTimeout || code == wit.CodeRateLimited
}

// checkWebhook refuses an address that cannot be posted to: it is https, or a program's on this machine.
func checkWebhook(field, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return wit.Errorf(wit.CodeInvalid, "%s.to of a webhook is an address such as https://example.org/done, without a password, or one of this machine by http", field)
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
