package run

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// State is where a run stands.
type State string

// The states. A run goes from Queued to Running and ends in one of the others; one that is dropped, or is a
// text command, leaves Running out.
const (
	Queued  State = "queued"
	Running State = State(session.RunRunning)
	Done    State = "done"
	Failed  State = "failed"
	Aborted State = State(session.RunAborted)
)

// Live reports whether the run is still to be finished.
func (s State) Live() bool { return s == Queued || s == Running }

// Source is what the ids of the gateway's own runs begin with. No client's key may, so that who can guess such an id
// cannot take it and leave a message or a job without its run.
type Source string

const (
	// FromChannel is followed by the key of the message in the inbox.
	FromChannel Source = "channel:"
	// FromCron is followed by the job and when it was due.
	FromCron Source = "cron:"
	// FromHeartbeat is followed by when it was due.
	FromHeartbeat Source = "heartbeat:"
	// FromWake is followed by a random word.
	FromWake Source = "wake:"
	// FromPlugin is followed by the plugin, a colon, and what it calls the run.
	FromPlugin Source = "plugin:"
	// FromHook is followed by what names the call that came over HTTP.
	FromHook Source = "hook:"
)

// ID is the id of the run that answers what has this key at the source.
func (s Source) ID(key string) string { return string(s) + key }

// reserved reports whether an id is for the gateway's own runs.
func reserved(id string) bool {
	return slices.ContainsFunc([]Source{FromChannel, FromCron, FromHeartbeat, FromWake, FromPlugin, FromHook}, func(s Source) bool { return strings.HasPrefix(id, string(s)) })
}

// MaxText is how many bytes the text of a run may have.
const MaxText = 1 << 20

// Run is one request for an answer. What asks sets the first group of fields; the rest changes as it
// goes on. Times are in Unix milliseconds.
type Run struct {
	// ID is the idempotency key: a client's choice of 1 to 256 bytes, or one of a Source.
	ID      string      `json:"id"`
	Session session.Key `json:"session"`
	// Said is how the client wrote the session, where that was not its key.
	Said string `json:"said,omitempty"`
	// Text, Parts and Attachments are what is asked. Parts are files in the store, Attachments what came through a
	// channel, which may still have to be fetched.
	Text        string           `json:"text"`
	Parts       []wit.Part       `json:"parts,omitempty"`
	Attachments []wit.Attachment `json:"attachments,omitempty"`
	// Origin is who asks, from where. With Reply, the answer is delivered there.
	Origin message.Origin  `json:"origin,omitzero"`
	Reply  *message.Origin `json:"reply,omitempty"`
	// Parent is the run in which somebody asked for this one, "" for none, and Depth how many such are above it.
	Parent string `json:"parent,omitempty"`
	Depth  int    `json:"depth,omitempty"`
	// Asker is who takes turns with others for the places in which runs are executed, "" for nobody in particular.
	Asker string `json:"asker,omitempty"`
	// Model, Thinking, System and Tools hold for this run only.
	Model    string `json:"model,omitempty"`
	Thinking string `json:"thinking,omitempty"`
	System   string `json:"system,omitempty"`
	// Tools are those that it may use, nil all.
	Tools []string `json:"tools,omitzero"`
	// Terms are what its client asks for beside the question, nil nothing.
	Terms *Terms `json:"terms,omitempty"`
	// Timeout is how long it may be running, in milliseconds; 0 is ten minutes.
	Timeout int64 `json:"timeout,omitempty"`
	// Quiet makes it a run that may have nothing to say: see Heard.
	Quiet int `json:"quiet,omitempty"`
	// Command is the text command that the run is, without its slash; Urgent ones do not wait.
	Command string `json:"command,omitempty"`
	Urgent  bool   `json:"urgent,omitempty"`
	// Steer lets it join the run that is under way, at its next step, rather than wait for its end: see Join.
	Steer bool `json:"steer,omitempty"`

	State     State  `json:"state"`
	Ticket    uint64 `json:"ticket"` // its place: lower goes first
	SessionID string `json:"sessionId,omitempty"`
	Queued    int64  `json:"queued"`
	Started   int64  `json:"started,omitempty"`
	Ended     int64  `json:"ended,omitempty"`
	// Resumed counts how often it was taken up again after an interruption.
	Resumed int `json:"resumed,omitempty"`
	// Calling is the tool call that was begun and may have changed something.
	Calling string `json:"calling,omitempty"`
	// Stopping is why the run is to be aborted; set while it is running.
	Stopping string `json:"stopping,omitempty"`

	// What came of it.
	Answer string `json:"answer,omitempty"`
	// Calls are what the model wants of the client's own tools: the run has ended so that the client makes them.
	Calls    []wit.ToolCall `json:"calls,omitempty"`
	Stop     string         `json:"stop,omitempty"`
	Error    *wit.Error     `json:"error,omitempty"`
	Provider string         `json:"provider,omitempty"`
	Used     string         `json:"used,omitempty"`
	// Replaced is the model, as provider/model, in whose place another one has answered; "" where none had to.
	Replaced string    `json:"replaced,omitempty"`
	Usage    wit.Usage `json:"usage,omitzero"`
}

// Failure is the end of a run as an error, nil if it was answered or has not ended: what it failed with, or
// CodeTimeout if it was stopped.
func (r Run) Failure() error {
	switch r.State {
	case Failed:
		if r.Error != nil {
			return r.Error
		}
		return wit.NewError(wit.CodeInternal, "the run failed")
	case Aborted:
		return wit.Errorf(wit.CodeTimeout, "the run was stopped: %s", r.Stop)
	}
	return nil
}

// maxResumed is how many interruptions a run survives, so that one that ends the process does not do so for
// ever.
const maxResumed = 25

// Refusal is why a run that has begun must not go on: *Stopped if it was stopped before an interruption,
// CodeUnavailable if it was interrupted too often, else nil.
func (r Run) Refusal() error {
	switch {
	case r.Stopping != "":
		return &Stopped{r.Stopping}
	case r.Resumed > maxResumed:
		return wit.Errorf(wit.CodeUnavailable, "the run was interrupted %d times and is given up", r.Resumed)
	}
	return nil
}

// Stopped is why a run's context ends before the run has: somebody, or the clock, stopped it.
type Stopped struct{ Reason string }

func (s *Stopped) Error() string { return "stopped: " + s.Reason }

// StoppedBy returns why the run of this context was stopped, nil if it was not.
func StoppedBy(ctx context.Context) *Stopped {
	var s *Stopped
	errors.As(context.Cause(ctx), &s)
	return s
}
