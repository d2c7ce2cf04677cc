// Package telegram is a Telegram bot as a chat channel, over the Bot API (core.telegram.org/bots/api; names
// of sections and methods in comments are that page's).
//
// Updates come by long polling or by a webhook. A poll is a request in an answer: its response becomes
// messages and a new offset, which the kernel commits together, and only then makes the next request, whose
// offset confirms to Telegram that what came before is not needed again. So a crash at any point makes
// Telegram deliver again what was not committed, and the kernel recognises by its id what was committed
// already: nothing is lost, nothing is taken twice.
//
// Message ids are "<chat>:<message>", since Telegram counts messages per chat; what has no message id of its
// own (edits, reactions, pressed buttons, membership) has "u<update>".
//
// A message with files is kept in the state until getFile has said where each file is, and no further
// updates are confirmed meanwhile, so order is kept.
//
// Nothing is kept in memory between calls. How to read it: Event below, then answer.go, connect.go,
// response.go, poll.go; update.go makes messages of updates, by message.go and what it consists of (origin.go,
// reply.go, content.go, service.go, attachment.go); send.go is the way out, with media.go, chat.go. The text of a send comes in
// Telegram's HTML too, which the kernel writes as the manifest's dialect says.
package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Telegram is the channel. It has no state and may be used by several goroutines.
type Telegram struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Poller, Finder, Previewer and Skipper.
func New() channel.Channel { return Telegram{} }

var (
	_ channel.Editor  = Telegram{}
	_ channel.Deleter = Telegram{}
	_ channel.Reactor = Telegram{}
	_ channel.Typer   = Telegram{}
	_ channel.Poller  = Telegram{}
	_ channel.Skipper = Telegram{}

	_ channel.Previewer = Telegram{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: handleResponse,
	Timer:    handleTimer,
	Webhook:  handleWebhook,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not
// JSON; whatever Telegram answers leads to a next request, a timer, or a status that says what to do.
func (Telegram) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a response that could not be handled: the updates in it count as seen.
func (Telegram) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	s.pending = nil
	if event.Response != nil {
		for update := range decode(event.Response).Value.Items() {
			s.offset = update.Get("update_id").Int() + 1
		}
	}
	return &wit.NewState{State: s.json()}, nil
}
