package cron

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// ScheduleParams are when a job is due, as either protocol writes it. Times are Unix milliseconds.
type ScheduleParams struct {
	// Kind is at (once), every (again after a time) or cron (by an expression).
	Kind string `json:"kind" rpc:"required,enum=at|every|cron"`
	// AtMs is protocol 3's moment.
	AtMs *int64 `json:"atMs" rpc:"min=0"`
	// At is protocol 4's: an ISO time. One without an offset is in the zone tz, in UTC where that is left out.
	At      string `json:"at,omitempty" rpc:"min=1,max=64"`
	EveryMs int64  `json:"everyMs,omitempty" rpc:"min=1"`
	// AnchorMs is a moment from which the multiples of everyMs count.
	AnchorMs int64 `json:"anchorMs" rpc:"min=0"`
	// Expr has five fields, or six with seconds first.
	Expr string `json:"expr,omitempty" rpc:"min=1"`
	// TZ is an IANA name; the owner's zone when left out.
	TZ string `json:"tz"`
	// StaggerMs would spread many gateways' jobs; here it is kept and a job is due at its times.
	StaggerMs int64 `json:"staggerMs" rpc:"min=0"`
}

// PayloadParams are what a job does. In a patch what is absent stays; null clears.
type PayloadParams struct {
	// Kind systemEvent puts a text before the main session, agentTurn lets an agent answer a message.
	Kind    string  `json:"kind" rpc:"required,enum=systemEvent|agentTurn"`
	Text    *string `json:"text"`
	Message *string `json:"message"`
	// Model and Thinking are text or null; the session's when left out.
	Model    json.RawMessage `json:"model"`
	Thinking json.RawMessage `json:"thinking"`
	// TimeoutSeconds of 0 is the agent's own limit.
	TimeoutSeconds *float64 `json:"timeoutSeconds" rpc:"min=0"`
	// Deliver, channel, to and bestEffortDeliver are protocol 3's; 4 has them in delivery.
	Deliver           *bool           `json:"deliver"`
	Channel           json.RawMessage `json:"channel"`
	To                json.RawMessage `json:"to"`
	BestEffortDeliver *bool           `json:"bestEffortDeliver"`
	Extras
	// ToolsAllow names the tools that the turn may use: none if it is empty, all if it is null or has the name *.
	ToolsAllow json.RawMessage `json:"toolsAllow"`
}

// DeliveryParams say where a turn's answer goes. Texts may be null, which clears.
type DeliveryParams struct {
	// Mode announce sends the answer to somebody on a channel; webhook posts how the turn went, as JSON, to the address in to:
	// https, or of this machine. What does not answer is asked four times in all, each with the same Idempotency-Key.
	Mode string `json:"mode,omitempty" rpc:"enum=none|announce|webhook"`
	// Channel of last, or none, is where the main session was last talked to.
	Channel   json.RawMessage `json:"channel"`
	To        json.RawMessage `json:"to"`
	AccountID json.RawMessage `json:"accountId"`
	// ThreadID may be a number.
	ThreadID json.RawMessage `json:"threadId"`
	// BestEffort: a failed delivery does not fail the job.
	BestEffort *bool `json:"bestEffort"`
	// FailureDestination is where each failure is told of (mode, channel, to, accountId), unless bestEffort is true. Null
	// clears it. CompletionDestination is refused unless it is null: mode webhook does the same.
	FailureDestination    json.RawMessage `json:"failureDestination"`
	CompletionDestination json.RawMessage `json:"completionDestination"`
}

// JobParams are what cron.add and a patch have in common.
type JobParams struct {
	// AgentID and SessionKey are text or null.
	AgentID     json.RawMessage `json:"agentId"`
	SessionKey  json.RawMessage `json:"sessionKey"`
	Description *string         `json:"description" rpc:"max=2000"`
	// DisplayName is text or null.
	DisplayName json.RawMessage `json:"displayName"`
	// Enabled is true for a new job.
	Enabled *bool `json:"enabled"`
	// DeleteAfterRun removes a job of kind at once it has run well; protocol 4 does so unless told otherwise.
	DeleteAfterRun *bool `json:"deleteAfterRun"`
	// SessionTarget is main, isolated, current or session:<key>. main wants a system event and is its default,
	// the others an agent's turn, whose default is isolated.
	SessionTarget string `json:"sessionTarget,omitempty" rpc:"min=1,max=300"`
	// WakeMode now puts a system event before the agent at once, next-heartbeat with its next turn. Protocol 3
	// has next-heartbeat, 4 now as its default.
	WakeMode  string          `json:"wakeMode,omitempty" rpc:"enum=now|next-heartbeat"`
	Delivery  *DeliveryParams `json:"delivery"`
	Isolation *Isolation      `json:"isolation"`
	// Pacing and trigger are refused unless they are null or false: a job is due by its schedule alone.
	Pacing  json.RawMessage `json:"pacing"`
	Trigger json.RawMessage `json:"trigger"`
	// CatchUp says what becomes of due times that were missed, while the gateway was down or the machine slept: none runs
	// (skip), one run stands for all (once, the default), or each runs, one after the other (all).
	CatchUp string `json:"catchUp,omitempty" rpc:"enum=skip|once|all"`
	// CatchUpMax is how many of the latest missed ones run with catchUp all; 10 when left out.
	CatchUpMax int `json:"catchUpMax,omitempty" rpc:"min=1,max=100"`
	// Overlap says what becomes of a due time that comes while the job still runs: it is left out (skip, the default), or
	// runs as soon as the job has ended (queue).
	Overlap string `json:"overlap,omitempty" rpc:"enum=skip|queue"`
	// FailureAlert says when and where somebody is told of failures in a row: after (2 when left out), cooldownMs (an
	// hour), mode (announce, or webhook), channel, to and accountId (the delivery's own). False is nobody; null clears it.
	FailureAlert json.RawMessage `json:"failureAlert"`
}

// AddParams describe a new job.
type AddParams struct {
	JobParams
	// Name is made of the text or message when left out.
	Name *string `json:"name" rpc:"min=1,max=200"`
	// DeclarationKey names the job to whoever declares it: the second one with it changes the first.
	DeclarationKey string         `json:"declarationKey,omitempty" rpc:"min=1,max=200"`
	Owner          *Owner         `json:"owner"`
	Schedule       ScheduleParams `json:"schedule" rpc:"required"`
	Payload        PayloadParams  `json:"payload" rpc:"required"`
}

// PatchParams are what changes of a job.
type PatchParams struct {
	JobParams
	Name     *string         `json:"name" rpc:"min=1,max=200"`
	Schedule *ScheduleParams `json:"schedule"`
	Payload  *PayloadParams  `json:"payload"`
	// State is the scheduler's, and refused unless it is empty.
	State map[string]any `json:"state"`
}

// patch makes an addition the change of nothing.
func (p AddParams) patch() PatchParams {
	return PatchParams{JobParams: p.JobParams, Name: p.Name, Schedule: &p.Schedule, Payload: &p.Payload}
}

// declare notes whose job it is and what they call it.
func (p AddParams) declare(j *schedule.Job) error {
	d, err := readDetails(*j)
	if err != nil {
		return err
	}
	d.DeclarationKey, d.Owner = p.DeclarationKey, p.Owner
	j.Payload, err = json.Marshal(d)
	return err
}

// apply changes a job. Its details are checked, its schedule is not.
func (p PatchParams) apply(j *schedule.Job) error {
	if len(p.State) > 0 {
		return wit.NewError(wit.CodeInvalid, "a job's state is what the scheduler knows of its runs: leave it out")
	}
	d := details{WakeMode: "next-heartbeat"}
	if len(j.Payload) > 0 {
		var err error
		if d, err = readDetails(*j); err != nil {
			return err
		}
	}
	if p.Name != nil {
		j.Name = *p.Name
	}
	if p.Enabled != nil {
		j.Enabled = *p.Enabled
	}
	if p.DeleteAfterRun != nil {
		j.DeleteAfterRun = *p.DeleteAfterRun
	}
	p.policy(&j.Policy)
	if p.Schedule != nil {
		spec, err := p.Schedule.spec()
		if err != nil {
			return err
		}
		j.Spec, d.StaggerMs = spec, p.Schedule.StaggerMs
	}
	if err := p.details(&d); err != nil {
		return err
	}
	if j.Name == "" {
		j.Name = d.name()
	}
	b, err := json.Marshal(d)
	j.Payload = b
	return err
}

// policy changes what becomes of due times at which the job cannot run. How many are made up for is of no use but where
// all are.
func (p PatchParams) policy(to *schedule.Policy) {
	to.CatchUp = cmp.Or(schedule.CatchUp(p.CatchUp), to.CatchUp)
	to.Overlap = cmp.Or(schedule.Overlap(p.Overlap), to.Overlap)
	if p.CatchUp != "" && p.CatchUp != string(schedule.CatchUpAll) {
		to.CatchUpMax = 0
	}
	to.CatchUpMax = cmp.Or(p.CatchUpMax, to.CatchUpMax)
}

func (p PatchParams) details(d *details) error {
	if p.Description != nil {
		d.Description = *p.Description
	}
	if p.SessionTarget != "" {
		d.Target = p.SessionTarget
	}
	if p.WakeMode != "" {
		d.WakeMode = p.WakeMode
	}
	if p.Isolation != nil {
		d.Isolation = p.Isolation
	}
	if err := absent(wish{"pacing", p.Pacing, "a job's times do not depend on how its runs go"},
		wish{"trigger", p.Trigger, "no scripts are run here, and a job is due by its schedule alone"}); err != nil {
		return err
	}
	if err := patchAlert(p.FailureAlert, &d.FailureAlert); err != nil {
		return err
	}
	if err := texts(text{"agentId", p.AgentID, &d.AgentID}, text{"sessionKey", p.SessionKey, &d.SessionKey},
		text{"displayName", p.DisplayName, &d.DisplayName}); err != nil {
		return err
	}
	if p.Payload != nil {
		if err := p.Payload.apply(d); err != nil {
			return err
		}
	}
	if p.Delivery != nil {
		if err := p.Delivery.apply(&d.Delivery); err != nil {
			return err
		}
	}
	return d.check()
}

func (p PayloadParams) apply(d *details) error {
	if d.Kind != p.Kind { // another kind begins anew
		d.Kind, d.Text, d.Model, d.Thinking, d.Timeout, d.Delivery, d.Extras, d.Tools = p.Kind, "", "", "", 0, delivery{}, Extras{}, nil
	}
	if err := p.foreign(); err != nil {
		return err
	}
	if err := patchTools(p.ToolsAllow, &d.Tools); err != nil {
		return err
	}
	if err := p.Extras.apply(&d.Extras); err != nil {
		return err
	}
	said := p.Text
	if p.Kind == agentTurn {
		said = p.Message
	}
	if said != nil {
		d.Text = *said
	}
	if p.TimeoutSeconds != nil {
		d.Timeout = *p.TimeoutSeconds
	}
	if p.Deliver != nil {
		if d.Delivery.Mode = "none"; *p.Deliver {
			d.Delivery.Mode = "announce"
		}
	}
	if p.BestEffortDeliver != nil {
		d.Delivery.BestEffort = p.BestEffortDeliver
	}
	return texts(text{"model", p.Model, &d.Model}, text{"thinking", p.Thinking, &d.Thinking},
		text{"channel", p.Channel, &d.Delivery.Channel}, text{"to", p.To, &d.Delivery.To})
}

// foreign refuses what belongs to the other kind of payload: it would be dropped.
func (p PayloadParams) foreign() error {
	if p.Kind == agentTurn {
		if p.Text != nil {
			return wit.NewError(wit.CodeInvalid, `payload.text belongs to a system event: an agent's turn has a message`)
		}
		return nil
	}
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"message", p.Message != nil}, {"model", p.Model != nil}, {"thinking", p.Thinking != nil}, {"timeoutSeconds", p.TimeoutSeconds != nil},
		{"deliver", p.Deliver != nil}, {"channel", p.Channel != nil}, {"to", p.To != nil}, {"bestEffortDeliver", p.BestEffortDeliver != nil},
		{"fallbacks", p.Fallbacks != nil}, {"lightContext", p.LightContext != nil}, {"allowUnsafeExternalContent", p.AllowUnsafeExternalContent != nil},
		{"toolsAllow", asked(p.ToolsAllow)}, {"toolsAllowIsDefault", p.ToolsAllowIsDefault != nil},
	} {
		if f.given {
			return wit.Errorf(wit.CodeInvalid, "payload.%s belongs to an agent's turn: a system event is a text for the main session", f.name)
		}
	}
	return nil
}

// apply changes what is given.
func (e Extras) apply(to *Extras) error {
	if slices.ContainsFunc(e.Fallbacks, func(model string) bool { return strings.TrimSpace(model) == "" }) {
		return wit.NewError(wit.CodeInvalid, "fallbacks has an empty name: each is a model")
	}
	if e.Fallbacks != nil { // an empty list clears
		to.Fallbacks = e.Fallbacks
	}
	if e.AllowUnsafeExternalContent != nil {
		to.AllowUnsafeExternalContent = e.AllowUnsafeExternalContent
	}
	if e.LightContext != nil {
		to.LightContext = e.LightContext
	}
	if e.ToolsAllowIsDefault != nil {
		to.ToolsAllowIsDefault = e.ToolsAllowIsDefault
	}
	return nil
}

// asked reports whether a field is neither left out nor null nor false.
func asked(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null" && string(raw) != "false"
}

// wish is a field that asks for what this gateway does not do.
type wish struct {
	name   string
	raw    json.RawMessage
	reason string
}

// absent refuses wishes that are neither left out nor null nor false.
func absent(wishes ...wish) error {
	for _, w := range wishes {
		if asked(w.raw) {
			return wit.Errorf(wit.CodeInvalid, "%s is not supported: %s; leave it out", w.name, w.reason)
		}
	}
	return nil
}

func (p DeliveryParams) apply(d *delivery) error {
	if err := absent(wish{"completionDestination", p.CompletionDestination, "an answer goes to one place: use mode \"webhook\""}); err != nil {
		return err
	}
	if err := patchNotice(p.FailureDestination, &d.Failure); err != nil {
		return err
	}
	if p.Mode != "" {
		d.Mode = p.Mode
	}
	if p.BestEffort != nil {
		d.BestEffort = p.BestEffort
	}
	return texts(text{"channel", p.Channel, &d.Channel}, text{"to", p.To, &d.To},
		text{"accountId", p.AccountID, &d.AccountID}, text{threadID, p.ThreadID, &d.ThreadID})
}

// text is a field that may be absent, null, text, or (for thread ids) a number.
type text struct {
	name string
	raw  json.RawMessage
	to   *string
}

// mayBeBlank are the fields of which an empty text is as good as null, as in protocol 3.
func (t text) mayBeBlank() bool { return t.name == "model" || t.name == "thinking" || t.name == "to" }

// threadID is the one field that may be a number.
const threadID = "threadId"

func texts(fields ...text) error {
	for _, f := range fields {
		if len(f.raw) == 0 {
			continue
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(f.raw))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return wit.Errorf(wit.CodeInvalid, "%s: %w", f.name, err)
		}
		number, numeric := v.(json.Number)
		said, isText := v.(string)
		switch {
		case v == nil:
			*f.to = ""
		case isText && strings.TrimSpace(said) == "" && !f.mayBeBlank():
			return wit.Errorf(wit.CodeInvalid, "%s cannot be empty: null clears it", f.name)
		case isText:
			*f.to = strings.TrimSpace(said)
		case numeric && f.name == threadID:
			*f.to = number.String()
		default:
			return wit.Errorf(wit.CodeInvalid, "%s must be text or null", f.name)
		}
		if len(*f.to) > 512 {
			return wit.Errorf(wit.CodeInvalid, "%s is too long: use at most 512 bytes", f.name)
		}
	}
	return nil
}

// spec reads a schedule. What belongs to another kind is refused: it would be dropped.
func (p ScheduleParams) spec() (schedule.Spec, error) {
	for _, f := range []struct {
		name, kinds string
		given       bool
	}{
		{"atMs", "at", p.AtMs != nil}, {"at", "at", p.At != ""}, {"everyMs", "every", p.EveryMs != 0}, {"anchorMs", "every", p.AnchorMs != 0},
		{"expr", "cron", p.Expr != ""}, {"tz", "at or cron", p.TZ != ""}, {"staggerMs", "cron", p.StaggerMs != 0},
	} {
		if f.given && !slices.Contains(strings.Fields(f.kinds), p.Kind) {
			return schedule.Spec{}, wit.Errorf(wit.CodeInvalid, "schedule.%s belongs to a schedule of kind %s, and this one is %s", f.name, f.kinds, p.Kind)
		}
	}
	switch p.Kind {
	case "at":
		at, err := p.moment()
		return schedule.Spec{At: at}, err
	case "every":
		return schedule.Spec{EveryMs: p.EveryMs, AnchorMs: p.AnchorMs}, nil
	}
	return schedule.Spec{Cron: strings.TrimSpace(p.Expr), TZ: strings.TrimSpace(p.TZ)}, nil
}

// moment prefers atMs to at, as protocol 3 does.
func (p ScheduleParams) moment() (int64, error) {
	if p.AtMs != nil {
		return *p.AtMs, nil
	}
	at, err := schedule.ParseTime(p.At, cmp.Or(strings.TrimSpace(p.TZ), "UTC"))
	if err != nil {
		return 0, wit.Errorf(wit.CodeInvalid, "schedule.at: %w", err)
	}
	return at.UnixMilli(), nil
}
