// Package feishu is a bot of Feishu, or of Lark, as a chat channel, over their Open Platform (open.feishu.cn/document,
// open.larksuite.com/document; names in comments are those of pages there).
//
// Messages come over a connection that the gateway opens (socket.go, frame.go), or by a webhook: Feishu calls the account's address
// with events, and calls again for hours until it is answered with 200. The kernel checks a call's signature and opens what is
// encrypted in it, answers the challenge by which Feishu asks whether the address is meant, and answers a call only when what it
// brings is committed; a message that comes again is known by its id.
//
// What is sent is a card with the text in it, since a card can be changed as often as it takes while an answer is written, and
// can have buttons; a plain message can be changed twenty times. What Feishu refuses as a card is sent as a plain text. Each
// send carries a uuid of the kernel's key of it, by which Feishu knows for an hour one that comes again.
//
// Events name people and groups by their ids. What they are called is asked once, and remembered.
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go; webhook.go with message.go, content.go
// and reaction.go is the way in, send.go with card.go, media.go and edit.go the way out; known.go is what is remembered of
// people and chats, result.go what Feishu's errors mean.
package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Feishu is the channel. It has no state and may be used by several goroutines.
type Feishu struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Finder and Skipper. Feishu has no sign for that somebody writes.
func New() channel.Channel { return Feishu{} }

var (
	_ channel.Editor  = Feishu{}
	_ channel.Deleter = Feishu{}
	_ channel.Reactor = Feishu{}
	_ channel.Finder  = Feishu{}
	_ channel.Skipper = Feishu{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: responded,
	Opened:   opened,
	Message:  heard,
	Closed:   closed,
	Timer:    fired,
	Webhook:  called,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Feishu) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a call that could not be handled. The state says nothing of calls.
func (Feishu) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
