package delivery

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// State is what became of a message.
type State string

// The states. A queued message may be on its way; a held one waits for the owner; the others are over.
const (
	StateQueued    State = "queued"
	StateHeld      State = "held"
	StateSent      State = "sent"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled" // by a hook or by the owner
)

// record is a message in the queue, and afterwards its outcome. Times are in Unix milliseconds.
type record struct {
	message.Outbound
	// Pieces is what is sent, set by the first look at it: hooks and limits that change later do not
	// change a message that is half sent. A piece that turns out to be too long becomes several.
	Pieces []piece `json:"pieces,omitempty"`
	// Numbered says that the choices are in the text of the pieces. Edits is the platform's id of the message that is
	// changed, instead of sending one.
	Numbered bool   `json:"numbered,omitempty"`
	Edits    string `json:"edits,omitempty"`
	// Draft is the platform's id of the message that the first piece takes the place of.
	Draft string `json:"draft,omitempty"`
	// Spoken is set while the first of the attachments is the text, said aloud; Mute once that could not be sent.
	Spoken bool `json:"spoken,omitempty"`
	Mute   bool `json:"mute,omitempty"`
	// Attempts at the present piece that failed, the last begun at FailedAt; NextAt is when the next one is due. FirstAttempt
	// is when the message failed first.
	Attempts     int        `json:"attempts,omitempty"`
	FailedAt     int64      `json:"failedAt,omitempty"`
	FirstAttempt int64      `json:"firstAttempt,omitempty"`
	NextAt       int64      `json:"nextAt,omitempty"`
	Error        *wit.Error `json:"error,omitempty"`
	Held         bool       `json:"held,omitempty"`
	// State and DoneAt are set with the outcome.
	State  State `json:"state,omitempty"`
	DoneAt int64 `json:"doneAt,omitempty"`
}

// clockRepair is how far the clock has to go back for a pause not to be believed any more.
const clockRepair = time.Minute

// rest is how long the message still waits for its next attempt. It does not where the clock was ahead when the last one
// failed: it would wait until the clock is there again.
func (r record) rest(now time.Time) time.Duration {
	if time.UnixMilli(r.FailedAt).Sub(now) > clockRepair {
		return 0
	}
	return time.UnixMilli(r.NextAt).Sub(now)
}

// piece is one send. Sending is when it was begun, and 0 again once its outcome is known: a piece that a
// process finds with Sending set was in the send window when an earlier process ended.
type piece struct {
	Text    string   `json:"text,omitempty"`
	Sending int64    `json:"sending,omitempty"`
	Sent    bool     `json:"sent,omitempty"`
	IDs     []string `json:"ids,omitempty"`
	// Actions are the buttons below it.
	Actions []wit.ActionRow `json:"actions,omitempty"`
	// Cut is how often it was cut since it was too long.
	Cut int `json:"cut,omitempty"`
}

// taken reports whether the platform has taken the piece, and what it may have had to say of it was missed.
func (p *piece) taken() bool { return p.Sending != 0 && len(p.IDs) > 0 }

// lane names the conversation whose order a record keeps. A thread is a conversation of its own.
func (r *record) lane() string {
	thread := ""
	if r.To.Thread != nil {
		thread = *r.To.Thread
	}
	return laneOf(r.Channel, r.Account, r.To.ID) + thread
}

// laneOf begins the names of a conversation's lanes, that of each thread.
func laneOf(channel, account, id string) string {
	return strings.Join([]string{channel, account, id, ""}, "\x00")
}

// state says where a record is, whether or not it is over.
func (r *record) state() State {
	switch {
	case r.State != "":
		return r.State
	case r.Held:
		return StateHeld
	}
	return StateQueued
}

// unreached reports whether the last attempt failed since nobody answered or the account was not let in, and nobody asked
// for a pause: it is worth another one as soon as the account has connected.
func (r *record) unreached() bool {
	if r.Error == nil || r.Error.RetryAfter != nil {
		return false
	}
	return r.Error.Code == wit.CodeUnavailable || r.Error.Code == wit.CodeTimeout || r.Error.Code == wit.CodeUnauthorized
}

// next is the index of the piece to be sent, or len(Pieces).
func (r *record) next() int {
	for i := range r.Pieces {
		if !r.Pieces[i].Sent {
			return i
		}
	}
	return len(r.Pieces)
}

// ids lists what the platform called the pieces that were sent; never nil, clients get an array.
func (r *record) ids() []string {
	ids := []string{}
	for _, p := range r.Pieces {
		ids = append(ids, p.IDs...)
	}
	return ids
}

// outcome is what is kept of a finished message: not its text, except where choices stand, which is changed once they
// are over.
func (r *record) outcome() record {
	o := *r
	o.Text, o.Attachments, o.Choices, o.Pieces = "", nil, nil, nil
	for i, p := range r.Pieces {
		kept := piece{Sent: p.Sent, IDs: p.IDs}
		if len(r.Choices) > 0 && i == len(r.Pieces)-1 {
			kept.Text, kept.Actions = p.Text, p.Actions
		}
		o.Pieces = append(o.Pieces, kept)
	}
	return o
}

// hookContext says to hooks whose message it is. It points into r.
func (r *record) hookContext() wit.HookContext {
	return wit.HookContext{Agent: r.Agent, Session: r.SessionKey, Run: r.RunID, Channel: &r.Channel, Account: &r.Account}
}
