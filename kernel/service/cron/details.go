package cron

import (
	"crypto/rand"
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

// Kinds of payload.
const (
	systemEvent = "systemEvent"
	agentTurn   = "agentTurn"
)

// Targets besides session:<key>.
const (
	targetMain     = "main"
	targetIsolated = "isolated"
	targetCurrent  = "current"
	targetSession  = "session:"
)

// details is what a job is, beside its schedule: the payload in the scheduler. It is the union of the
// protocols, and the views turn it into one of them.
type details struct {
	AgentID     string `json:"agentId,omitempty"`
	SessionKey  string `json:"sessionKey,omitempty"`
	Description string `json:"description,omitempty"`
	// DisplayName, DeclarationKey, Owner, StaggerMs, LightContext and AllowUnsafeExternalContent are kept for clients; nothing here acts on them,
	// but a declaration key is declared once.
	DisplayName    string `json:"displayName,omitempty"`
	DeclarationKey string `json:"declarationKey,omitempty"`
	Owner          *Owner `json:"owner,omitempty"`
	StaggerMs      int64  `json:"staggerMs,omitempty"`
	Target         string `json:"target"`
	WakeMode       string `json:"wakeMode"`
	Kind           string `json:"kind"`
	// Text is the event's text or the turn's message.
	Text     string  `json:"text"`
	Model    string  `json:"model,omitempty"`
	Thinking string  `json:"thinking,omitempty"`
	Timeout  float64 `json:"timeout,omitempty"`
	Extras   Extras  `json:"extras,omitzero"`
	// Tools are those that a turn may use, nil all.
	Tools []string `json:"tools,omitzero"`
	// FailureAlert is false or an Alert.
	FailureAlert json.RawMessage `json:"failureAlert,omitempty"`
	Delivery     delivery        `json:"delivery,omitzero"`
	Isolation    *Isolation      `json:"isolation,omitempty"`
}

// Owner is for whom a job was declared.
type Owner struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=128"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	AccountID  string `json:"accountId,omitempty" rpc:"min=1,max=128"`
}

// Extras are parts of a turn's payload that are protocol 4's.
type Extras struct {
	// Fallbacks are asked one after the other where the model fails.
	Fallbacks []string `json:"fallbacks,omitempty" rpc:"max=16"`
	// This and those below are kept for clients: there is nothing here that they could switch.
	AllowUnsafeExternalContent *bool `json:"allowUnsafeExternalContent,omitempty"`
	LightContext               *bool `json:"lightContext,omitempty"`
	ToolsAllowIsDefault        *bool `json:"toolsAllowIsDefault,omitempty"`
}

// readDetails reads what a job is.
func readDetails(j schedule.Job) (d details, err error) {
	if err := json.Unmarshal(j.Payload, &d); err != nil {
		return d, wit.Errorf(wit.CodeInternal, "the job's record is damaged: %w", err)
	}
	return d, nil
}

// byWebhook is the mode in which an answer is posted to an address.
const byWebhook = "webhook"

// delivery says where a turn's answer goes. Mode is none, announce, webhook, or empty: protocol 3's third state,
// in which an answer is delivered if the job says to whom.
type delivery struct {
	Mode       string `json:"mode,omitempty"`
	Channel    string `json:"channel,omitempty"`
	To         string `json:"to,omitempty"`
	AccountID  string `json:"accountId,omitempty"`
	ThreadID   string `json:"threadId,omitempty"`
	BestEffort *bool  `json:"bestEffort,omitempty"`
	// Failure is a Notice, where a failure is told of.
	Failure json.RawMessage `json:"failure,omitempty"`
}

func (d delivery) empty() bool { return reflect.ValueOf(d).IsZero() }

func (d delivery) wanted() bool { return d.Mode == "announce" || d.Mode == "" && d.To != "" }

// Isolation says what the main session is told of a turn elsewhere.
type Isolation struct {
	// PostToMainPrefix begins the note; Cron when left out.
	PostToMainPrefix *string `json:"postToMainPrefix,omitempty" rpc:"max=200"`
	// PostToMainMode of full posts the answer, summary at most its first 2,000 characters.
	PostToMainMode string `json:"postToMainMode,omitempty" rpc:"enum=summary|full"`
	// PostToMainMaxChars bounds a full answer; 8,000 characters when left out.
	PostToMainMaxChars *int `json:"postToMainMaxChars,omitempty" rpc:"min=0"`
}

// Lengths of a note in the main session, in characters.
const (
	summaryChars = 2000
	fullChars    = 8000
)

// note is what the main session is told, empty for nothing.
func (i Isolation) note(text string, err error) string {
	prefix := "Cron"
	if i.PostToMainPrefix != nil && strings.TrimSpace(*i.PostToMainPrefix) != "" {
		prefix = strings.TrimSpace(*i.PostToMainPrefix)
	}
	if err != nil {
		return prefix + " (error): " + wit.AsError(err).Error()
	}
	most := summaryChars
	if i.PostToMainMode == "full" {
		if most = fullChars; i.PostToMainMaxChars != nil {
			most = *i.PostToMainMaxChars
		}
	}
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	if text == "" {
		return ""
	}
	return prefix + ": " + text
}

// bestEffort reports whether a failed delivery does not fail the job.
func (d details) bestEffort() bool { return d.Delivery.BestEffort != nil && *d.Delivery.BestEffort }

// session is the session that a job names, if it does.
func (d details) session() (string, bool) {
	return strings.CutPrefix(d.Target, targetSession)
}

// target is where a job of this kind runs where nobody says it.
func (d details) target() string {
	if d.Kind == systemEvent {
		return targetMain
	}
	return targetIsolated
}

// name is what a job is called where nobody says it: the first line of its text, cut.
func (d details) name() string {
	line, _, _ := strings.Cut(strings.TrimSpace(d.Text), "\n")
	name := []rune(strings.Join(strings.Fields(line), " "))
	if len(name) > nameChars {
		name = append(name[:nameChars-1], '…')
	}
	return string(name)
}

// nameChars is how long a name is that was made of a job's text.
const nameChars = 60

// check refuses combinations that would never do anything.
func (d *details) check() error {
	if d.Target == "" {
		d.Target = d.target()
	}
	if d.Target == targetCurrent {
		if d.SessionKey == "" {
			return wit.NewError(wit.CodeInvalid, `sessionTarget "current" needs a sessionKey: name the session`)
		}
		d.Target = targetSession + d.SessionKey
	}
	key, named := d.session()
	switch {
	case !named && d.Target != targetMain && d.Target != targetIsolated, named && key == "":
		return wit.Errorf(wit.CodeInvalid, "sessionTarget %.40q must be main, isolated or session:<key>", d.Target)
	case d.Target == targetMain && d.Kind != systemEvent:
		return wit.NewError(wit.CodeInvalid, `a job for the main session needs a payload of kind "systemEvent"`)
	case d.Target != targetMain && d.Kind != agentTurn:
		return wit.NewError(wit.CodeInvalid, `a job outside the main session needs a payload of kind "agentTurn"`)
	case strings.TrimSpace(d.Text) == "":
		return wit.NewError(wit.CodeInvalid, "the job's text or message is empty: say what it is about")
	case d.Kind == systemEvent && (d.Delivery.Mode == "announce" || d.Delivery.Mode == byWebhook):
		return wit.NewError(wit.CodeInvalid, "there is no answer to deliver: only an agent's turn has one")
	case d.Delivery.Mode == byWebhook:
		return checkWebhook("delivery", d.Delivery.To)
	}
	return nil
}

// instance names this process to clients that want to know whether it is still the same.
func instance() string { return strings.ToLower(rand.Text()) }
