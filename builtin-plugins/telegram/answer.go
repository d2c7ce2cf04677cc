package telegram

import (
	"bytes"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The functions that handle
// the event read and change the account's state, and add messages, requests, timers and a status; the
// kernel commits the whole and then acts on it.
type answer struct {
	log      *sdk.Host
	settings settings
	state    state
	now      int64 // when the event happened, in milliseconds since 1970
	out      wit.ChannelAnswer

	before wit.JSON // the state as it was
	fresh  bool     // the account had no state yet
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	settings, err := readSettings(event.Config)
	if err != nil {
		return nil, err
	}
	state, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &answer{
		log: host, settings: settings, state: state, now: event.Now,
		before: state.json(), fresh: len(event.State) == 0,
	}, nil
}

// finish returns the answer. It carries the state only if that changed, so that an idle poll writes nothing.
func (a *answer) finish() *wit.ChannelAnswer {
	if after := a.state.json(); a.fresh || !bytes.Equal(after, a.before) {
		a.out.State = after
	}
	return &a.out
}

// message delivers a message to the kernel.
func (a *answer) message(m wit.Message) { a.out.Messages = append(a.out.Messages, m) }

// request calls a method of the Bot API; its response comes back as an event. The caller may set more on
// what is returned before it adds the next request.
func (a *answer) request(kind requestKind, method string, params json.Object) *wit.HTTPRequest {
	return a.requestOneOf(kind, "", method, params)
}

// requestOneOf is request for a kind of which one answer makes several; which tells them apart.
func (a *answer) requestOneOf(kind requestKind, which, method string, params json.Object) *wit.HTTPRequest {
	id := newRequestID(kind, a.state.generation, which)
	a.out.Requests = append(a.out.Requests, a.settings.request(id, method, params))
	r := &a.out.Requests[len(a.out.Requests)-1]
	r.Timeout = callTimeout
	return r
}

// timer sets a timer to fire after so many milliseconds, in place of the one with the same id.
func (a *answer) timer(id string, after int64) {
	a.out.Timers = append(a.out.Timers, wit.Timer{ID: id, After: after})
}

// stopTimers stops all of the plugin's timers; one without a time is stopped.
func (a *answer) stopTimers() {
	a.timer(retryTimer, 0)
	a.timer(albumTimer, 0)
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	a.out.Status = &wit.AccountStatus{State: state, Message: optional(message)}
	if a.state.me.id != "" {
		a.out.Status.Self = a.state.me.wit()
	}
}
