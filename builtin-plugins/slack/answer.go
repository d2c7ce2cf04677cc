package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
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
	if where.ID != "" {
		a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: where, Sender: a.person(who)})
	}
}

// request calls a method of the Web API; its response comes back as an event, which which tells from others of its kind.
func (a *answer) request(kind requestKind, which, token, method string, f form.Form) {
	a.Out.Requests = append(a.Out.Requests, a.Settings.call(account.RequestID(kind, a.State.generation, which), token, method, f))
}

// acknowledge tells Slack that an envelope is not needed again ("Acknowledging events" of Socket Mode). payload is an
// answer to it, empty for none.
func (a *answer) acknowledge(p *parcel, payload wit.JSON) {
	if p.envelope == "" {
		return
	}
	frame := json.Object{}.Text("envelope_id", p.envelope).Raw("payload", payload).JSON()
	a.Out.Frames = append(a.Out.Frames, wit.Frame{Connection: p.connection, Text: new(string(frame))})
}

// status tells the owner how the account is; message says what is wrong and what to do, or is empty.
func (a *answer) status(state wit.ConnectionState, message string) {
	var self *wit.Person
	if me := a.State.me; me.user != "" {
		self = &wit.Person{ID: me.user, Name: account.Optional(me.name), Username: account.Optional(me.name), Bot: true}
	}
	a.Status(state, message, self)
}
