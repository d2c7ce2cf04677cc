// Package teams is a bot of Microsoft Teams as a chat channel, over the Bot Connector's REST API (learn.microsoft.com,
// "Bot Connector API reference" and "Microsoft Teams platform"; names in comments are those of pages there).
//
// What people do comes by a webhook: the connector posts an activity to the account's address, with a token of its own, which the
// kernel checks: who has issued it, for which app, for which service address, and that its key is one for Teams. The
// kernel answers when the message is committed, and knows by its id one that it has.
//
// A conversation is written to at the service address that its activities came with. The state remembers these addresses: a
// conversation reference, in the words of "Proactive messages". Ids of messages are those of the conversation and of the activity, since
// those of activities are unique in their conversation only.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; activity.go with message.go, text.go
// and attachment.go is the way in, send.go with compose.go, card.go and file.go the way out; place.go is what conversations are
// called, result.go what the connector's errors mean.
package teams

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Teams is the channel. It has no state and may be used by several goroutines.
type Teams struct{}

// New returns the channel, which is also an Editor, Deleter, Typer, Poller and Skipper. Bots can set no reactions in Teams.
func New() channel.Channel { return Teams{} }

var (
	_ channel.Editor  = Teams{}
	_ channel.Deleter = Teams{}
	_ channel.Typer   = Teams{}
	_ channel.Poller  = Teams{}
	_ channel.Skipper = Teams{}
)

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Teams) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers := account.Handlers[*answer]{
		Start: connect, Response: answered, Webhook: called, Command: handleCommand,
		Timer: func(a *answer, _ string) { ask(a) },
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an activity that could not be handled. The state says nothing of activities.
func (Teams) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
