// Package whatsapp is a business number of WhatsApp as a chat channel, over Meta's Cloud API
// (developers.facebook.com/documentation/business-messaging/whatsapp; names of pages in comments are those of that
// documentation, and a webhook's are those of its "messages webhook reference").
//
// Messages come by a webhook: Meta calls the account's address with what people have written and with what became of
// what was sent, and calls again, for up to seven days, until it is answered with 200. The kernel checks the call's
// signature and answers only when the messages are committed, and knows by its id a message that it has: nothing is
// lost, nothing is taken twice.
//
// A file is known by an id for seven days. Where it is, is asked when it is needed, since that address holds for five
// minutes only: the attachment's request asks for it, and its excerpt says where the answer has it.
//
// What is sent carries the kernel's key of it (biz_opaque_callback_data), which comes back with each status of the message. So a
// send whose answer was lost is found again, and one that WhatsApp took and could not deliver fails.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; webhook.go with message.go, content.go and
// status.go is the way in, send.go with part.go, media.go, interactive.go and template.go the way out; menu.go is the
// list of commands, people.go what is remembered of people, result.go what Meta's errors mean.
package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// WhatsApp is the channel. It has no state and may be used by several goroutines.
type WhatsApp struct{}

// New returns the channel, which is also a Reactor, Typer and Skipper. WhatsApp lets a business change or take back nothing
// that it has sent.
func New() channel.Channel { return WhatsApp{} }

var (
	_ channel.Reactor = WhatsApp{}
	_ channel.Typer   = WhatsApp{}
	_ channel.Skipper = WhatsApp{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: answered,
	Timer:    func(a *answer, _ string) { ask(a) },
	Webhook:  called,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (WhatsApp) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a call that could not be handled. The state says nothing of calls.
func (WhatsApp) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
