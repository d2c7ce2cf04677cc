// Package account is for the event half of a channel: what handling one event of one account comes to, from what the event
// brings to the answer, and how long to wait after what failed.
package account

import (
	"bytes"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Turn is the handling of one event, while its answer is being put together: the functions that handle it read and change the
// state, and add messages, requests, frames, timers and a status to Out; the kernel commits the whole and then acts on it. A
// plugin embeds it in a type of its own, with the account's settings and its state. It belongs to one call.
type Turn[Settings, State any] struct {
	Host       *sdk.Host
	Account    string
	Settings   Settings
	State      State
	Now        int64  // when the event happened, in milliseconds since 1970
	Connection string // the one that the event tells of, or ""
	Out        wit.ChannelAnswer

	write  func(*State) wit.JSON
	before wit.JSON // the state as it was
}

// Begin reads what an event brings. write encodes a state; one that has not changed has to come out the same. The error is that of
// reading the settings or the state.
func Begin[Settings, State any](
	host *sdk.Host, event *wit.ChannelEvent,
	settings func(wit.JSON) (Settings, error), state func(wit.JSON) (State, error), write func(*State) wit.JSON,
) (Turn[Settings, State], error) {
	t := Turn[Settings, State]{Host: host, Account: event.Account, Now: event.Now, write: write}
	if event.Connection != nil {
		t.Connection = *event.Connection
	}
	var err error
	if t.Settings, err = settings(event.Config); err != nil {
		return t, err
	}
	if t.State, err = state(event.State); err != nil {
		return t, err
	}
	t.before = write(&t.State)
	return t, nil
}

// Finish returns the answer. It carries the state only if that changed, so that what changes nothing writes nothing.
func (t *Turn[Settings, State]) Finish() *wit.ChannelAnswer {
	if after := t.write(&t.State); !bytes.Equal(after, t.before) {
		t.Out.State = after
	}
	return &t.Out
}

// Message delivers a message to the kernel. What says no conversation that it is in would keep the others of the answer from being
// taken, and is left out.
func (t *Turn[Settings, State]) Message(m *wit.Message) {
	if m != nil && m.ID != "" && m.Conversation.ID != "" {
		t.Out.Messages = append(t.Out.Messages, *m)
	}
}

// Request makes a request, whose response comes back as an event. The caller may set more on what is returned before it adds the
// next one.
func (t *Turn[Settings, State]) Request(r wit.HTTPRequest) *wit.HTTPRequest {
	t.Out.Requests = append(t.Out.Requests, r)
	return &t.Out.Requests[len(t.Out.Requests)-1]
}

// Timer sets a timer to fire after so many milliseconds, in place of the one with the same id; 0 stops it.
func (t *Turn[Settings, State]) Timer(id string, after int64) {
	t.Out.Timers = append(t.Out.Timers, wit.Timer{ID: id, After: after})
}

// Status tells the owner how the account is. message says what is wrong and what to do, or is empty; self is who the account is on
// its platform, or nil while that is not known.
func (t *Turn[Settings, State]) Status(state wit.ConnectionState, message string, self *wit.Person) {
	t.Out.Status = &wit.AccountStatus{State: state, Message: Optional(message), Self: self}
}

// Optional returns nil for "", which is how the contract says that something is not there.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
