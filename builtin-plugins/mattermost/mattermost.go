// Package mattermost is a bot account of a Mattermost server as a chat channel, over its websocket and its REST API, version 4
// (developers.mattermost.com/api-documentation; names of endpoints, events and fields in comments are that documentation's).
//
// What happens comes over one websocket. Each event has a sequence number, which is kept in the account's state together with
// the messages that the event made. After a break or a crash the same connection is asked for again from there, and for some
// minutes Mattermost says again what was missed. Where it has forgotten the connection it begins another one; then what was
// posted meanwhile is read from the channels that have something new (posts, since). What was committed already the kernel
// recognises by its id: nothing is lost, nothing is taken twice.
//
// Message ids are posts' ids. What has no id of its own (edits, deletions, reactions, pressed buttons) has that of its post, a
// word, and the time at which it happened. A direct conversation has the id of the person it is with, as the people whom the
// directory knows; its channel is asked for when something is sent there.
//
// Mattermost knows a repeated send for half a minute (pending_post_id). A post also carries its key among its properties, so that an
// attempt that was made before that looks into the channel whether the post has arrived.
//
// How to read it: Event below, then answer.go; connect.go and frame.go for the connection, gap.go for what was missed; event.go
// makes messages of what happened, with post.go, file.go, mention.go; send.go is the way out, with letter.go, upload.go,
// attempt.go, button.go.
package mattermost

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Mattermost is the channel. It has no state and may be used by several goroutines.
type Mattermost struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Finder and Skipper.
func New() channel.Channel { return Mattermost{} }

var (
	_ channel.Editor  = Mattermost{}
	_ channel.Deleter = Mattermost{}
	_ channel.Reactor = Mattermost{}
	_ channel.Typer   = Mattermost{}
	_ channel.Finder  = Mattermost{}
	_ channel.Skipper = Mattermost{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: handleResponse,
	Opened:   opened,
	Message:  handleFrame,
	Closed:   handleClosed,
	Timer:    handleTimer,
	Webhook:  handleWebhook,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// Mattermost sends leads to a next request, a timer, or a status that says what to do.
func (Mattermost) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event that could not be handled: one of the websocket counts as seen, and a channel whose posts could not be
// read is passed over.
func (Mattermost) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	s.held, s.asked = nil, nil
	switch {
	case event.Message != nil && event.Message.Text != nil:
		s.saw(sequenceOf(*event.Message.Text))
	case event.Response != nil:
		s.gap.next()
	}
	return &wit.NewState{State: s.json()}, nil
}
