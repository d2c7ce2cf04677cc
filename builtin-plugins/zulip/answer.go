package zulip

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
	maxMessages = 500
	maxReceipts = 100
)

// full reports whether an answer has as many messages as it takes; the server tells the rest next time.
func (a *answer) full() bool { return len(a.Out.Messages) >= maxMessages }

// receipt adds a sign of life, unless there are too many: each is worth little.
func (a *answer) receipt(r wit.Receipt) {
	if len(a.Out.Receipts) < maxReceipts {
		a.Out.Receipts = append(a.Out.Receipts, r)
	}
}

// request makes a request whose response comes back as an event. The caller may set more on what is returned before
// it adds the next one.
func (a *answer) request(kind requestKind, which, method, path string, p params) *wit.HTTPRequest {
	return a.Request(a.Settings.request(account.RequestID(kind, a.State.generation, which), method, path, p))
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if me := a.State.me; me.id != "" {
		self = &wit.Person{ID: me.id, Name: account.Optional(me.name), Username: account.Optional(a.Settings.email), Bot: true}
	}
	a.Status(state, message, self)
}
