package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The functions that handle the event read
// and change the account's state, and add messages, requests, frames, timers and a status; the kernel commits the whole
// and then acts on it.
type answer struct {
	account.Turn[settings, state]

	names *names.Names
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &answer{Turn: t, names: names.Of(host, event.Account)}, nil
}

// receipt tells a sign of life.
func (a *answer) receipt(kind wit.ReceiptKind, where wit.Conversation, who string) {
	if where.ID != "" && who != a.State.me.id && len(a.Out.Receipts) < wit.ChannelAnswerReceiptsMax {
		a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: where, Sender: new(a.person(who))})
	}
}

// request makes a request of the REST API; its response comes back as an event, which which tells from others of its kind.
func (a *answer) request(kind requestKind, which, method, path string, body wit.JSON) {
	a.Out.Requests = append(a.Out.Requests, a.Settings.call(account.RequestID(kind, a.State.generation, which), method, path, body))
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if me := a.State.me; me.id != "" {
		self = &wit.Person{ID: me.id, Name: account.Optional(me.name), Username: account.Optional(me.name), Bot: true}
	}
	a.Status(state, message, self)
}
