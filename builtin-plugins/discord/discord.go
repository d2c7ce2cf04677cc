// Package discord is a Discord bot as a chat channel, over the gateway websocket and the REST API, version 10
// (docs.discord.com/developers; names of sections, events and fields in comments are that documentation's).
//
// What happens comes over one websocket, the gateway. Each event has a sequence number, which is kept in the account's
// state together with the messages that the event made. After a crash, a broken connection or a missed heartbeat the session is
// resumed from there, and Discord says again what was not committed; what was committed already the kernel
// recognises by its id. So nothing is lost and nothing is taken twice for as long as Discord keeps the session, some
// minutes.
//
// Message ids are "<channel>:<message>": a direct chat has the id of the person, and its messages say which channel that
// is. What has no message id of its own (edits, reactions, deletions) has the message's with a word behind it.
//
// A thread is a channel of its own on Discord; here it is a thread of the channel that it is in. Which that is, and what a
// channel is called, is learned from the gateway's events and kept for the channels that were used last; what happens
// in one that is not known waits in the state until Discord has been asked.
//
// Nothing is kept in memory between calls. How to read it: Event below, then answer.go, connect.go, gateway.go,
// dispatch.go; message.go makes messages of what somebody wrote, with mention.go, attachment.go, reply.go,
// service.go; change.go and interaction.go of what else happens; send.go is the way out, with part.go, chat.go,
// file.go.
package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Discord is the channel. It has no state and may be used by several goroutines.
type Discord struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Poller, Finder and Skipper.
func New() channel.Channel { return Discord{} }

var (
	_ channel.Editor  = Discord{}
	_ channel.Deleter = Discord{}
	_ channel.Reactor = Discord{}
	_ channel.Typer   = Discord{}
	_ channel.Poller  = Discord{}
	_ channel.Finder  = Discord{}
	_ channel.Skipper = Discord{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Opened:   opened,
	Message:  handleFrame,
	Closed:   handleClosed,
	Response: handleResponse,
	Timer:    handleTimer,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// Discord says leads to frames, a connection, a timer, or a status that says what to do.
func (Discord) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event of the gateway that could not be handled: its sequence number counts as seen.
func (Discord) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	if event.Message != nil && event.Message.Text != nil {
		if v, err := json.ParseText(*event.Message.Text); err == nil {
			s.saw(v.Get("s").Int())
		}
	} else {
		s.held = nil
	}
	return &wit.NewState{State: s.json()}, nil
}
