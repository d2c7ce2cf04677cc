package cron

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// Alert says when and where somebody is told that a job fails.
type Alert struct {
	// After is how many runs in a row have to fail; 2 when left out.
	After int `json:"after,omitempty" rpc:"min=1,max=1000"`
	// CooldownMs is how long nothing more is told after an alert; an hour when left out.
	CooldownMs *int64 `json:"cooldownMs,omitempty" rpc:"min=0"`
	// IncludeSkipped is false: runs that did not begin are not counted.
	IncludeSkipped bool `json:"includeSkipped,omitempty"`
	Notice
}

// Notice is where a failure is told: where the job's own delivery goes, unless it says otherwise. Without anybody there
// the main session is told.
type Notice struct {
	// Mode is announce, or webhook: To is an address that is told then, as of a delivery.
	Mode      string `json:"mode,omitempty" rpc:"enum=announce|webhook"`
	Channel   string `json:"channel,omitempty" rpc:"min=1,max=512"`
	To        string `json:"to,omitempty" rpc:"min=1,max=512"`
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=512"`
}

// What holds where an alert does not say it.
const (
	alertAfter    = 2
	alertCooldown = time.Hour
)

// off is a failureAlert that is switched off, which is also what holds without one.
const off = "false"

// patchAlert changes a failure alert: null clears it, false switches it off, and of an object what is named changes,
// null clearing it.
func patchAlert(raw json.RawMessage, to *json.RawMessage) error {
	return patchUnion("failureAlert", raw, to, func(a Alert) error {
		if a.IncludeSkipped {
			return wit.NewError(wit.CodeInvalid, "failureAlert.includeSkipped is not supported: a run that was skipped, since the one before it still went on, is no failure here")
		}
		return a.check("failureAlert")
	})
}

// patchNotice changes a failure destination likewise.
func patchNotice(raw json.RawMessage, to *json.RawMessage) error {
	return patchUnion("failureDestination", raw, to, func(n Notice) error { return n.check("failureDestination") })
}

func (n Notice) check(field string) error {
	if n.Mode == byWebhook {
		return checkWebhook(field, n.To)
	}
	return nil
}

// patchUnion merges what is said of a field into what was said before, and checks what comes of it.
func patchUnion[T any](name string, raw json.RawMessage, to *json.RawMessage, check func(T) error) error {
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0:
		return nil
	case string(raw) == "null":
		*to = nil
		return nil
	case string(raw) == off && name == "failureAlert":
		*to = json.RawMessage(off)
		return nil
	}
	var change, all map[string]json.RawMessage
	if json.Unmarshal(raw, &change) != nil {
		return wit.Errorf(wit.CodeInvalid, "%s must be an object or null", name)
	}
	if len(*to) == 0 || json.Unmarshal(*to, &all) != nil {
		all = map[string]json.RawMessage{}
	}
	for field, value := range change {
		if all[field] = value; string(value) == "null" {
			delete(all, field)
		}
	}
	merged, err := json.Marshal(all)
	if err != nil {
		return wit.Errorf(wit.CodeInvalid, "%s: %w", name, err)
	}
	is, err := rpc.NewDecoder[T](name).Decode(merged)
	if err == nil {
		err = check(is)
	}
	if err != nil {
		return err
	}
	*to = merged
	return nil
}

// Alarm is what somebody is told of a job that fails.
type Alarm struct {
	// Key is the idempotency key.
	Key, AgentID, Text string
	// Channel, To and AccountID are as a Turn's.
	Channel, To, AccountID, ThreadID string
}

// Alarms tell people of failures.
type Alarms interface {
	// Alarm sends a text to where somebody is. The same key twice is one message. Errors: CodeNotFound or CodeInvalid
	// where there is nobody.
	Alarm(ctx context.Context, a Alarm) error
}

// memory is what the runner keeps of a job from run to run.
type memory struct {
	// AlertedAt is when the last alert went out, in Unix milliseconds.
	AlertedAt int64 `json:"alertedAt,omitempty"`
}

func remembered(j schedule.Job) (m memory) {
	_ = json.Unmarshal(j.State.Memory, &m) // there is none before the first alert
	return m
}

// alarm tells of a run that has failed, as the job wants it, and returns what is kept of that. What cannot be sent is
// told in the main session; that nobody could be told is in the outcome.
func (r runner) alarm(ctx context.Context, d details, f schedule.Firing, cause error) (m memory, told *Told) {
	m = remembered(f.Job)
	reason := wit.AsError(cause).Error()
	if d.Delivery.Failure != nil && !d.bestEffort() {
		var n Notice
		_ = json.Unmarshal(d.Delivery.Failure, &n) // it was checked when it was set
		told = r.tellFailure(ctx, d, f, n, f.Key+":failure", fmt.Sprintf("Cron job %q failed: %s", f.Job.Name, reason))
	}
	alert, on := d.alert()
	failures := f.Job.State.Failures + 1
	now := time.Now().UnixMilli()
	if !on || failures < alert.After || m.AlertedAt != 0 && now-m.AlertedAt < *alert.CooldownMs {
		return m, told
	}
	text := fmt.Sprintf("Cron job %q failed %d times in a row: %s", f.Job.Name, failures, reason)
	if failures == 1 {
		text = fmt.Sprintf("Cron job %q failed: %s", f.Job.Name, reason)
	}
	m.AlertedAt = now
	return m, r.tellFailure(ctx, d, f, alert.Notice, f.Key+":alert", text)
}

// tellFailure sends a notice, and tells the main session where that cannot be done.
func (r runner) tellFailure(ctx context.Context, d details, f schedule.Firing, n Notice, key, text string) *Told {
	told, err := &Told{Status: Delivered}, error(nil)
	if n.Mode == byWebhook {
		report := reportOf(f)
		report.Status, report.Error = schedule.Failed, text
		err = r.send(ctx, n.To, key, report)
	} else {
		told.Status = Unknown
		err = r.alarms.Alarm(ctx, d.alarm(n, key, text))
	}
	if err == nil {
		return told
	}
	told.Status, told.Error = NotDelivered, err.Error()
	if err := r.events.SystemEvent(ctx, text, d.WakeMode == "now", d.AgentID, key); err != nil {
		told.Error += "; and the main session could not be told: " + err.Error()
	}
	return told
}

// alarm is a notice for somebody on a channel.
func (d details) alarm(n Notice, key, text string) Alarm {
	a := Alarm{Key: key, AgentID: d.AgentID, Text: text, Channel: n.Channel, To: n.To, AccountID: n.AccountID}
	if own := d.Delivery; n.Channel == "" || n.Channel == own.Channel {
		a.Channel, a.To, a.AccountID = cmp.Or(n.Channel, own.Channel), cmp.Or(n.To, own.To), cmp.Or(n.AccountID, own.AccountID)
		if n.To == "" {
			a.ThreadID = own.ThreadID
		}
	}
	return a
}

// alert is what the job says of its failures, with what it leaves out; false where nobody is to be told.
func (d details) alert() (a Alert, on bool) {
	if len(d.FailureAlert) == 0 || string(d.FailureAlert) == off {
		return a, false
	}
	_ = json.Unmarshal(d.FailureAlert, &a) // it was checked when it was set
	a.After = cmp.Or(a.After, alertAfter)
	if a.CooldownMs == nil {
		ms := alertCooldown.Milliseconds()
		a.CooldownMs = &ms
	}
	return a, true
}
