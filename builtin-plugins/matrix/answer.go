package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The functions that handle the event
// read and change the account's state, and add messages, requests, timers and a status; the kernel commits the whole
// and then acts on it.
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

// Bounds of one answer, within the contract's.
const (
	maxMessages  = 900
	maxReceipts  = 100
	sideRequests = 12 // beside those that the account goes on by
)

// message delivers a message to the kernel.
func (a *answer) message(m wit.Message) { a.Out.Messages = append(a.Out.Messages, m) }

// receipt adds a sign of life, unless there are too many: each is worth little.
func (a *answer) receipt(r wit.Receipt) {
	if len(a.Out.Receipts) < maxReceipts {
		a.Out.Receipts = append(a.Out.Receipts, r)
	}
}

// request makes a request whose response comes back as an event. The caller may set more on what is returned before
// it adds the next one.
func (a *answer) request(kind requestKind, which, method, path string) *wit.HTTPRequest {
	a.Out.Requests = append(a.Out.Requests, a.Settings.request(account.RequestID(kind, a.State.generation, which), method, path))
	return &a.Out.Requests[len(a.Out.Requests)-1]
}

// busy reports whether the answer has as many requests as it may have beside the next poll.
func (a *answer) busy() bool { return len(a.Out.Requests) >= sideRequests }

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if me := a.State.me; me.id != "" {
		self = &wit.Person{ID: me.id, Name: account.Optional(me.name), Bot: true}
	}
	a.Status(state, message, self)
}
