// Package ntfy has topics of an ntfy server as a chat channel (docs.ntfy.sh; names of sections in comments are those of its pages
// "Publish" and "Subscribe via API").
//
// Messages come over a websocket for all topics, which the server opens with those that it still has since a time. That time is
// the last message's less a minute, and not its id: a message that was published for later has an older place in the server's
// cache than its time says, and two that are published at once may be told in one order and kept in the other. What comes
// twice thereby, the kernel knows by its id.
//
// The account reads its own messages where the answers go to the topic that people write to. They have the tag robot, and none that
// has is taken.
//
// ntfy makes two messages of two requests. So a message is published under a sequence id that is made of the kernel's
// key, which is also its id here; and before it is published again it is looked for in the server's cache, by that
// id, or on a server that is older than sequence ids (2.16) by its text among those since the last one of the account's.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; message.go with choice.go is the way in,
// send.go with publish.go, once.go and file.go the way out; change.go changes what was sent, result.go is what errors mean.
package ntfy

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Ntfy is the channel. It has no state and may be used by several goroutines.
type Ntfy struct{}

// New returns the channel, which is also an Editor, Deleter and Skipper.
func New() channel.Channel { return Ntfy{} }

var (
	_ channel.Editor  = Ntfy{}
	_ channel.Deleter = Ntfy{}
	_ channel.Skipper = Ntfy{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: checked,
	Opened:   opened,
	Message:  told,
	Closed:   closed,
	Timer:    func(a *answer, _ string) { check(a) },
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Ntfy) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event that could not be handled. The state says nothing of one that was not.
func (Ntfy) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
