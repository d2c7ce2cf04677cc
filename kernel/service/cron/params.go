package cron

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// ScheduleParams are when a job is due, as either protocol writes it. Times are Unix milliseconds.
type ScheduleParams struct {
	// Kind is at (once), every (again after a time) or cron (by an expression).
	Kind string `json:"kind" rpc:"required,enum=at|every|cron"`
	// AtMs is protocol 3's moment.
	AtMs *int64 `json:"atMs"`
	// At is protocol 4's: an ISO time. One without an offset is in the zone tz, in UTC where that is left out.
	At      string `json:"at" rpc:"max=64"`
	EveryMs int64  `json:"everyMs" rpc:"min=1"`
	// AnchorMs is a moment from which the multiples of everyMs count.
	AnchorMs int64 `json:"anchorMs" rpc:"min=0"`
	// Expr has five fields, or six with seconds first.
	Expr string `json:"expr"`
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
	// ToolsAllow would restrict the tools: it is refused unless it is null or the default.
	ToolsAllow json.RawMessage `json:"toolsAllow"`
}

// DeliveryParams say where a turn's answer goes. Texts may be null, which clears.
type DeliveryParams struct {
	// Mode webhook is refused when it is asked for.
	Mode string `json:"mode" rpc:"enum=none|announce|webhook"`
	// Channel of last, or none, is where the main session was last talked to.
	Channel   json.RawMessage `json:"channel"`
	To        json.RawMessage `json:"to"`
	AccountID json.RawMessage `json:"accountId"`
	// ThreadID may be a number.
	ThreadID json.RawMessage `json:"threadId"`
	// BestEffort: a failed delivery does not fail the job.
	BestEffort *bool `json:"bestEffort"`
	// FailureDestination and CompletionDestination are refused unless they are null.
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
	SessionTarget string `json:"sessionTarget" rpc:"max=300"`
	// WakeMode now puts a system event before the agent at once, next-heartbeat with its next turn. Protocol 3
	// has next-heartbeat, 4 now as its default.
	WakeMode  string          `json:"wakeMode" rpc:"enum=now|next-heartbeat"`
	Delivery  *DeliveryParams `json:"delivery"`
	Isolation *Isolation      `json:"isolation"`
	// Pacing, trigger and failureAlert are refused unless they are null or false.
	Pacing       json.RawMessage `json:"pacing"`
	Trigger      json.RawMessage `json:"trigger"`
	FailureAlert json.RawMessage `json:"failureAlert"`
}

// AddParams describe a new job.
type AddParams struct {
	JobParams
	// Name is made of the text or message when left out.
	Name *string `json:"name" rpc:"min=1,max=200"`
	// DeclarationKey names the job to whoever declares it: the second one with it changes the first.
	DeclarationKey string         `json:"declarationKey" rpc:"max=200"`
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
	// State is accepted and changes nothing: the scheduler alone knows it.
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
	if err := absent(wish{"pacing", p.Pacing}, wish{"trigger", p.Trigger}, wish{"failureAlert", p.FailureAlert}); err != nil {
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
		d.Kind, d.Text, d.Model, d.Thinking, d.Timeout, d.Delivery, d.Extras = p.Kind, "", "", "", 0, delivery{}, Extras{}
	}
	if p.ToolsAllowIsDefault == nil || !*p.ToolsAllowIsDefault {
		if err := absent(wish{"toolsAllow", p.ToolsAllow}); err != nil {
			return err
		}
	}
	p.Extras.apply(&d.Extras)
	said, other := p.Text, p.Message
	if p.Kind == agentTurn {
		said, other = other, said
	}
	if other != nil {
		return wit.NewError(wit.CodeInvalid, `a payload of kind "systemEvent" has a text, one of kind "agentTurn" a message`)
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

// apply changes what is given.
func (e Extras) apply(to *Extras) {
	if e.Fallbacks != nil {
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
}

// wish is a field that asks for what this gateway does not do.
type wish struct {
	name string
	raw  json.RawMessage
}

// absent refuses wishes that are neither left out nor null nor false.
func absent(wishes ...wish) error {
	for _, w := range wishes {
		if text := string(w.raw); text != "" && text != "null" && text != "false" {
			return wit.Errorf(wit.CodeInvalid, "%s is not supported: leave it out", w.name)
		}
	}
	return nil
}

func (p DeliveryParams) apply(d *delivery) error {
	if err := absent(wish{"failureDestination", p.FailureDestination}, wish{"completionDestination", p.CompletionDestination}); err != nil {
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

func (p ScheduleParams) spec() (schedule.Spec, error) {
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
