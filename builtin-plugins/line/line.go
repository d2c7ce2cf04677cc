// Package line is a LINE Official Account as a chat channel, over the Messaging API (developers.line.biz/en/reference/messaging-api;
// names in comments are those of sections there, and of pages of developers.line.biz/en/docs/messaging-api).
//
// Messages come by a webhook: LINE calls the account's address with events, and, where the owner has turned that on, calls again
// until it is answered with 200. The kernel checks the call's signature and answers only when the messages are committed, and knows
// by its id a message that it has.
//
// An answer goes by the reply token of what was said, since that costs nothing of the messages that the account has in a
// month. A token is good once, for a minute; everything else is pushed, with a retry key by which LINE knows for a day a request
// that comes again.
//
// LINE fetches files that are sent by their addresses: the gateway serves those of its media store under links that end.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; webhook.go with message.go and names.go is the way
// in, send.go with part.go, media.go and deliver.go the way out; result.go is what LINE's errors mean.
package line

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Line is the channel. It has no state and may be used by several goroutines.
type Line struct{}

// New returns the channel, which is also a Typer and a Skipper. LINE lets an account change or take back nothing that it has sent,
// react to nothing, and knows no threads.
func New() channel.Channel { return Line{} }

var (
	_ channel.Typer   = Line{}
	_ channel.Skipper = Line{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: responded,
	Timer:    func(a *answer, _ string) { ask(a) },
	Webhook:  called,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Line) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a call that could not be handled. The state says nothing of calls.
func (Line) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
