// Package slack is a Slack app as a chat channel (docs.slack.dev; names of methods, events and sections in comments are
// that site's).
//
// Events come by Socket Mode, over a websocket that the app opens, or by the Events API, which calls a webhook. An
// envelope of Socket Mode is acknowledged by a frame of the answer that its message is in, and a call of the webhook by
// that answer's reply. The kernel commits the message and only then acts on the rest, so what a crash has cut off comes
// again, and the kernel recognises by its id what was committed already: nothing is lost, nothing is taken twice.
//
// Message ids are "<channel>:<ts>", since Slack counts messages per channel; what has no ts of its own (edits,
// deletions, reactions, pressed buttons) has that of its message, a word, and the time at which it happened. A direct
// conversation has the id of the person it is with, as the people whom Slack's directory knows; its channel is asked for
// when something is sent there.
//
// Slack tells ids and no names. Those that are not known yet are asked for, and an envelope that needs them waits up to
// two seconds, not acknowledged, and so do those behind it. A webhook's call cannot wait: there a name is known from the
// second message on.
//
// Slack cannot tell a repeated send from a new one, but a message can carry metadata that nobody sees. So a send has its
// key there, and an attempt that was made before looks into the conversation whether the message has arrived.
//
// How to read it: Event below, then answer.go; connect.go and envelope.go for Socket Mode, webhook.go for the Events
// API; intake.go makes messages of what either brought, by event.go, message.go, text.go, file.go, interactive.go;
// send.go is the way out, with post.go, upload.go, attempt.go.
package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Slack is the channel. It has no state and may be used by several goroutines.
type Slack struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Finder and Skipper.
func New() channel.Channel { return Slack{} }

var (
	_ channel.Editor  = Slack{}
	_ channel.Deleter = Slack{}
	_ channel.Reactor = Slack{}
	_ channel.Typer   = Slack{}
	_ channel.Finder  = Slack{}
	_ channel.Skipper = Slack{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: handleResponse,
	Message:  handleFrame,
	Closed:   handleClosed,
	Timer:    handleTimer,
	Webhook:  handleWebhook,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// Slack sends leads to a next request, a timer, or a status that says what to do.
func (Slack) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event that could not be handled. Envelopes that wait for names are forgotten: Slack brings what was
// not acknowledged again.
func (Slack) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	s.held, s.asked = nil, nil
	return &wit.NewState{State: s.json()}, nil
}
