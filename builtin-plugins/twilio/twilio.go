// Package twilio is a telephone number of Twilio's as a chat channel: SMS and MMS, over the resource Message of its API
// (www.twilio.com/docs/messaging/api/message-resource; names of pages in comments are those of www.twilio.com/docs).
//
// Twilio calls the account's webhook with each message, once: where that fails it does not try again. So the account's list of
// messages is read at the start and every minute, and what is in it and has not come is taken from there. By its SID the kernel knows a
// message that it has: nothing is lost, nothing is taken twice.
//
// Twilio makes two messages of two requests. So before a message is sent again whose answer was lost, it is looked for among those that
// were sent to the same number since the last one that is known. Where the webhook's address is known, what becomes of a message comes
// back with the kernel's key of it: so a send whose answer was lost is found at once, and one that Twilio took and could not deliver
// fails.
//
// Nothing is kept in memory between calls. How to read it: Event below, then poll.go; webhook.go with message.go and status.go is the
// way in, send.go with once.go the way out; result.go is what Twilio's errors mean.
package twilio

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Twilio is the channel. It has no state and may be used by several goroutines.
type Twilio struct{}

// New returns the channel, which is also a Skipper. A message on a telephone cannot be changed or taken back.
func New() channel.Channel { return Twilio{} }

var _ channel.Skipper = Twilio{}

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: answered,
	Timer:    func(a *answer, _ string) { poll(a) },
	Webhook:  called,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Twilio) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a call that could not be handled. The state says nothing of it.
func (Twilio) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
