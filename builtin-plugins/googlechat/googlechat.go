// Package googlechat is a Google Chat app as a chat channel, over the Chat API (developers.google.com/workspace/chat; names in
// comments are those of pages and resources there).
//
// What people do comes by a webhook: Google posts an event to the account's address, with a token that its system account has signed for
// the app's project, which the kernel checks. The kernel answers when the message is committed, and knows by its id one that it has.
//
// Messages are created with a request id that is made of the kernel's key: Google knows a repeated one, and answers with the message
// that it made. An app has no reactions, shows no typing, and is told neither of edits nor of deletions: those are for users'
// logins and for subscriptions.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; event.go with message.go is the way in, send.go with
// edit.go the way out; result.go is what Google's errors mean.
package googlechat

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// GoogleChat is the channel. It has no state and may be used by several goroutines.
type GoogleChat struct{}

// New returns the channel, which is also an Editor, Deleter and Skipper.
func New() channel.Channel { return GoogleChat{} }

var (
	_ channel.Editor  = GoogleChat{}
	_ channel.Deleter = GoogleChat{}
	_ channel.Skipper = GoogleChat{}
)

// answer is what handling one event comes to, while it is being put together. The kernel commits the whole and then acts
// on it.
type answer struct {
	account.Turn[settings, state]
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (GoogleChat) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	t, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	a := &answer{Turn: t}
	handlers := account.Handlers[*answer]{
		Start: connect, Response: answered, Webhook: called, Command: handleCommand,
		Timer: func(a *answer, _ string) { ask(a) },
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event that could not be handled. The state says nothing of events.
func (GoogleChat) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
