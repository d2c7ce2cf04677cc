// Package irc is IRC as a chat channel (RFC 1459 and RFC 2812, as modern.ircdocs.horse describes it today, and IRCv3's
// extensions, ircv3.net/irc; names of commands, capabilities and numerics in comments are theirs).
//
// An account has one connection, framed by lines. What its lines say is told to Event, one after the other; what the account
// knows of the server is its state, so the code can be replaced while the connection stays.
//
// IRC repeats nothing by itself: what was said while the bot was not there is not heard, unless the server keeps a history
// (draft/chathistory), which is asked for at each return. A message is known by its msgid; where the server gives none, an
// id is made of its time, sender, place and text, which come again in a history, or else counted.
//
// A send is written on the connection and waits for the server's word: for its echo with the send's label where the server
// has echo-message and labeled-response, else for the answer to a PING behind it. A server does one thing after the other, so
// by then it has taken the lines or has refused them by a numeric.
//
// How to read it: Event below, then turn.go, register.go, hear.go; message.go, format.go and ctcp.go are the way in, room.go
// and nick.go the bot's place there, history.go what was missed; send.go is the way out, with split.go and pace.go.
package irc

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// IRC is the channel. It has no state and may be used by several goroutines.
type IRC struct{}

// New returns the channel, which is also a Typer and a Reactor.
func New() channel.Channel { return IRC{} }

var (
	_ channel.Typer   = IRC{}
	_ channel.Reactor = IRC{}
)

var handlers = account.Handlers[*turn]{
	Start:   connect,
	Opened:  register,
	Closed:  closed,
	Message: hearFrame,
	Timer:   wake,
	Command: obey,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (IRC) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	t, err := newTurn(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(t, event)
	return t.Finish(), nil
}

// closed has sends wait until the account is in again.
func closed(t *turn, _ *wit.Closed) { t.State.phase = phaseOff }

// obey does what the owner asks for.
func obey(t *turn, command string) {
	switch command {
	case "login", "probe":
		connect(t)
	case "logout":
		t.State.phase = phaseOff
		t.Out.Close = append(t.Out.Close, connection)
		t.status(wit.ConnectionStateDisconnected, "logged out: `carapace call channels.start` with the channel connects again")
	}
}
