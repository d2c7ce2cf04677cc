package cron

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
)

// Job is a job as clients see it. The schedule's time, and where the delivery stands, differ between
// the protocols. Times are Unix milliseconds.
type Job struct {
	ID             string   `json:"id"`
	AgentID        string   `json:"agentId,omitempty"`
	SessionKey     string   `json:"sessionKey,omitempty"`
	Name           string   `json:"name"`
	DisplayName    string   `json:"displayName,omitempty"`
	DeclarationKey string   `json:"declarationKey,omitempty"`
	Owner          *Owner   `json:"owner,omitempty"`
	Description    string   `json:"description,omitempty"`
	Enabled        bool     `json:"enabled"`
	DeleteAfterRun bool     `json:"deleteAfterRun,omitempty"`
	CreatedAtMs    int64    `json:"createdAtMs"`
	UpdatedAtMs    int64    `json:"updatedAtMs"`
	Schedule       Schedule `json:"schedule"`
	// CatchUp, CatchUpMax and Overlap are as they were given, in either protocol.
	CatchUp    schedule.CatchUp `json:"catchUp,omitempty"`
	CatchUpMax int              `json:"catchUpMax,omitempty"`
	Overlap    schedule.Overlap `json:"overlap,omitempty"`
	// SessionTarget is main, isolated or session:<key>.
	SessionTarget string  `json:"sessionTarget"`
	WakeMode      string  `json:"wakeMode"`
	Payload       Payload `json:"payload"`
	// Isolation is protocol 3's.
	Isolation *Isolation `json:"isolation,omitempty"`
	// Delivery is protocol 4's; 3 has it in the payload.
	Delivery *Delivery `json:"delivery,omitempty"`
	// FailureAlert is protocol 4's: false, or an object as it was given.
	FailureAlert json.RawMessage `json:"failureAlert,omitempty"`
	State        JobState        `json:"state"`
	// ConfigRevision is protocol 4's: it changes with what the job is, and not with its runs.
	ConfigRevision string `json:"configRevision,omitempty"`
	// The state's times and end are here too in protocol 4.
	NextRunAtMs   int64           `json:"nextRunAtMs,omitempty"`
	LastRunAtMs   int64           `json:"lastRunAtMs,omitempty"`
	LastRunStatus schedule.Status `json:"lastRunStatus,omitempty"`
	LastRunError  string          `json:"lastRunError,omitempty"`
}

// Schedule is when a job is due. Protocol 3 gets the moment of at as atMs, 4 as an ISO time in UTC.
type Schedule struct {
	Kind     string `json:"kind" rpc:"enum=at|every|cron"`
	AtMs     int64  `json:"atMs,omitempty"`
	At       string `json:"at,omitempty"`
	EveryMs  int64  `json:"everyMs,omitempty"`
	AnchorMs int64  `json:"anchorMs,omitempty"`
	Expr     string `json:"expr,omitempty"`
	TZ       string `json:"tz,omitempty"`
	// StaggerMs is protocol 4's.
	StaggerMs int64 `json:"staggerMs,omitempty"`
}

// Payload is what a job does: a system event has a text, an agent's turn a message.
type Payload struct {
	// Kind is systemEvent or agentTurn; empty of a job whose record is damaged.
	Kind              string  `json:"kind"`
	Text              string  `json:"text,omitempty"`
	Message           string  `json:"message,omitempty"`
	Model             string  `json:"model,omitempty"`
	Thinking          string  `json:"thinking,omitempty"`
	TimeoutSeconds    float64 `json:"timeoutSeconds,omitempty"`
	Deliver           *bool   `json:"deliver,omitempty"`
	Channel           string  `json:"channel,omitempty"`
	To                string  `json:"to,omitempty"`
	BestEffortDeliver *bool   `json:"bestEffortDeliver,omitempty"`
	// Extras and ToolsAllow are protocol 4's.
	Extras
	// ToolsAllow has the tools that a turn may use; left out where it may use all.
	ToolsAllow []string `json:"toolsAllow,omitzero"`
}

// Delivery is where a turn's answer goes.
type Delivery struct {
	Mode       string `json:"mode" rpc:"enum=none|announce|webhook"`
	Channel    string `json:"channel,omitempty"`
	To         string `json:"to,omitempty"`
	AccountID  string `json:"accountId,omitempty"`
	ThreadID   string `json:"threadId,omitempty"`
	BestEffort *bool  `json:"bestEffort,omitempty"`
	// FailureDestination is where each failure is told of.
	FailureDestination json.RawMessage `json:"failureDestination,omitempty"`
}

// JobState is when a job is due and how it last ended. Times are Unix milliseconds.
type JobState struct {
	NextRunAtMs int64           `json:"nextRunAtMs,omitempty"`
	RunningAtMs int64           `json:"runningAtMs,omitempty"`
	LastRunAtMs int64           `json:"lastRunAtMs,omitempty"`
	LastStatus  schedule.Status `json:"lastStatus,omitempty"`
	// LastRunStatus is protocol 4's name for lastStatus.
	LastRunStatus  schedule.Status `json:"lastRunStatus,omitempty"`
	LastError      string          `json:"lastError,omitempty"`
	LastDurationMs *int64          `json:"lastDurationMs,omitempty"`
	// ConsecutiveErrors is protocol 4's, how many runs in a row have failed, and so is LastFailureAlertAtMs.
	ConsecutiveErrors    int   `json:"consecutiveErrors,omitempty"`
	LastFailureAlertAtMs int64 `json:"lastFailureAlertAtMs,omitempty"`
}

// view shows a job in the words of a protocol.
func view(j schedule.Job, protocol int) Job {
	var d details
	_ = json.Unmarshal(j.Payload, &d) // a damaged job is still listed, so that it can be removed
	out := Job{
		ID: j.ID, AgentID: d.AgentID, SessionKey: d.SessionKey, Name: j.Name, DisplayName: d.DisplayName,
		DeclarationKey: d.DeclarationKey, Owner: d.Owner, Description: d.Description, Enabled: j.Enabled,
		DeleteAfterRun: j.DeleteAfterRun, CreatedAtMs: j.CreatedAt, UpdatedAtMs: j.UpdatedAt,
		Schedule: viewSchedule(j.Spec, protocol), CatchUp: j.Policy.CatchUp, CatchUpMax: j.Policy.CatchUpMax, Overlap: j.Policy.Overlap, SessionTarget: d.Target, WakeMode: d.WakeMode, State: viewState(j, protocol),
	}
	out.Payload = Payload{Kind: d.Kind, Model: d.Model, Thinking: d.Thinking, TimeoutSeconds: d.Timeout}
	if d.Kind == systemEvent {
		out.Payload.Text = d.Text
	} else {
		out.Payload.Message = d.Text
	}
	if protocol < 4 {
		out.Isolation = d.Isolation
		out.Payload.Channel, out.Payload.To, out.Payload.BestEffortDeliver = d.Delivery.Channel, d.Delivery.To, d.Delivery.BestEffort
		if d.Delivery.Mode != "" {
			announced := d.Delivery.Mode == "announce"
			out.Payload.Deliver = &announced
		}
		return out
	}
	out.Schedule.StaggerMs, out.Payload.Extras, out.Payload.ToolsAllow = d.StaggerMs, d.Extras, d.Tools
	out.FailureAlert, out.ConfigRevision = d.FailureAlert, configRevision(j)
	out.NextRunAtMs, out.LastRunAtMs, out.LastRunStatus, out.LastRunError = j.State.NextRunAt, j.State.LastRunAt, j.State.LastStatus, j.State.LastError
	if d.Kind == agentTurn || !d.Delivery.empty() {
		mode := "none"
		switch {
		case d.Delivery.Mode == byWebhook:
			mode = byWebhook
		case d.Delivery.wanted():
			mode = "announce"
		}
		out.Delivery = &Delivery{mode, d.Delivery.Channel, d.Delivery.To, d.Delivery.AccountID, d.Delivery.ThreadID, d.Delivery.BestEffort, d.Delivery.Failure}
	}
	return out
}

func viewSchedule(s schedule.Spec, protocol int) Schedule {
	switch {
	case s.At != 0 && protocol < 4:
		return Schedule{Kind: "at", AtMs: s.At}
	case s.At != 0:
		return Schedule{Kind: "at", At: time.UnixMilli(s.At).UTC().Format("2006-01-02T15:04:05.000Z")}
	case s.EveryMs != 0:
		return Schedule{Kind: "every", EveryMs: s.EveryMs, AnchorMs: s.AnchorMs}
	}
	return Schedule{Kind: "cron", Expr: s.Cron, TZ: s.TZ}
}

// configRevision names what a job is, whatever its runs come to.
func configRevision(j schedule.Job) string {
	sum := fnv.New64a()
	_ = json.NewEncoder(sum).Encode([]any{j.Name, j.Enabled, j.DeleteAfterRun, j.Spec, j.Policy, j.Payload}) // a sum takes everything
	return strconv.FormatUint(sum.Sum64(), 36)
}

func viewState(j schedule.Job, protocol int) JobState {
	s := j.State
	out := JobState{NextRunAtMs: s.NextRunAt, RunningAtMs: s.RunningAt, LastRunAtMs: s.LastRunAt, LastStatus: s.LastStatus, LastError: s.LastError}
	if s.LastRunAt != 0 {
		out.LastDurationMs = &s.LastDuration
	}
	if protocol >= 4 {
		out.LastRunStatus, out.ConsecutiveErrors, out.LastFailureAlertAtMs = s.LastStatus, s.Failures, remembered(j).AlertedAt
	}
	return out
}
