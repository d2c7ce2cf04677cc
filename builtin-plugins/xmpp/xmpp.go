// Package xmpp is XMPP as a chat channel (RFC 6120 and RFC 6121; the extensions are named in comments by their numbers).
//
// An account has one connection, framed by the elements of its stream. Each is told to Event, one after the other; what the
// account knows of its stream is its state, so the code can be replaced while the connection stays.
//
// What the server has sent is acknowledged (XEP-0198) by the count in the state, which the kernel has committed before the
// acknowledgement is written: what broke off comes again when the stream is resumed, also after a crash. Where it cannot be
// resumed, the server's archive is asked for what was missed (XEP-0313), before the bot shows itself, and rooms for their history.
//
// A send is written on the connection and waits for the server's word: in a room for the message as the room reflects it, else
// for the answer to a ping behind it, since a server does one thing after the other. Words that come when a connection was
// broken in between are kept in the state: a message that is sent again is found there, and is not said twice.
//
// How to read it: Event below, then stream.go, login.go, manage.go and session.go are the way onto the server; hear.go,
// direct.go, group.go and content.go are the way in, room.go is the bot's place in rooms, archive.go what was missed; send.go is
// the way out, with confirm.go, change.go and upload.go. xml.go reads elements, within bounds.
package xmpp

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// XMPP is the channel. It has no state and may be used by several goroutines.
type XMPP struct{}

// New returns the channel, which is also an Editor, a Deleter, a Reactor and a Typer.
func New() channel.Channel { return XMPP{} }

var (
	_ channel.Editor  = XMPP{}
	_ channel.Deleter = XMPP{}
	_ channel.Reactor = XMPP{}
	_ channel.Typer   = XMPP{}
)

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (XMPP) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	base, err := account.Begin(host, event, readSettings, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	t := &turn{Turn: base}
	handlers.Handle(t, event)
	return t.finish(), nil
}

// handlers are what is done, by the kind of an event.
var handlers = account.Handlers[*turn]{
	Start:   connect,
	Opened:  begin,
	Closed:  func(t *turn, _ *wit.Closed) { t.State.phase = phaseOff }, // sends wait until it is in again
	Message: hearFrame,
	Timer:   wake,
	Command: obey,
}

// obey does what the owner asks for.
func obey(t *turn, command string) {
	switch command {
	case "login", "probe":
		connect(t)
	case "logout":
		if t.State.phase != phaseOff {
			t.say(tag("presence", "", "type", "unavailable") + streamEnd)
		}
		t.State.phase, t.State.manage = phaseOff, manage{}
		t.Out.Close = append(t.Out.Close, connection)
		t.status(wit.ConnectionStateDisconnected, "logged out: `carapace call channels.start` with the channel connects again")
	}
}
