package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The functions that handle
// the event read and change the account's state, and add messages, requests, timers and a status; the
// kernel commits the whole and then acts on it.
type answer struct {
	account.Turn[settings, state]
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &answer{Turn: t}, nil
}

// message delivers a message to the kernel.
func (a *answer) message(m wit.Message) { a.Out.Messages = append(a.Out.Messages, m) }

// request calls a method of the Bot API; its response comes back as an event. The caller may set more on
// what is returned before it adds the next request.
func (a *answer) request(kind requestKind, method string, params json.Object) *wit.HTTPRequest {
	return a.requestOneOf(kind, "", method, params)
}

// requestOneOf is request for a kind of which one answer makes several; which tells them apart.
func (a *answer) requestOneOf(kind requestKind, which, method string, params json.Object) *wit.HTTPRequest {
	id := account.RequestID(kind, a.State.generation, which)
	a.Out.Requests = append(a.Out.Requests, a.Settings.request(id, method, params))
	r := &a.Out.Requests[len(a.Out.Requests)-1]
	r.Timeout = callTimeout
	return r
}

// stopTimers stops all of the plugin's timers; one without a time is stopped.
func (a *answer) stopTimers() {
	a.Timer(retryTimer, 0)
	a.Timer(albumTimer, 0)
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if a.State.me.id != "" {
		self = a.State.me.wit()
	}
	a.Status(state, message, self)
}
