// Package mqtt is MQTT as a chat channel: version 5, and 3.1.1 where a server knows no other (OASIS standards; numbers of
// sections and statements in comments are of "MQTT Version 5.0", where they are not said to be of "MQTT Version 3.1.1").
//
// An account is a client of a server, with a session that the server keeps while the client is away. It reads the topics of its
// patterns, and answers on a topic that is made of the conversation's name. All is quality of service 1: each side repeats what
// the other has not acknowledged.
//
// What comes is acknowledged (PUBACK) by the answer that tells it, so after the kernel has committed the message. A message that
// says its own id is known by it. Else it gets a number, and the state remembers, of what was acknowledged and may come again, the
// packet's id and what it was: a repetition is what has the mark DUP, such an id and the same content. It is forgotten once the
// server has answered a ping that was sent behind the acknowledgement: by then it has taken that.
//
// A send is published on the connection and waits for its PUBACK.
//
// How to read it: Event below, then packet.go, connect.go, subscribe.go, alive.go; hear.go, topic.go and payload.go are the way
// in, send.go and content.go the way out.
package mqtt

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// MQTT is the channel. It has no state and may be used by several goroutines.
type MQTT struct{}

// New returns the channel.
func New() channel.Channel { return MQTT{} }

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (MQTT) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	t, err := newTurn(host, event)
	if err != nil {
		return nil, err
	}
	h := account.Handlers[*turn]{
		Start:   connect,
		Opened:  func(t *turn, _ *wit.Opened) { login(t) },
		Closed:  func(t *turn, _ *wit.Closed) { lost(t) },
		Message: hear,
		Timer:   wake,
		Command: obey,
	}
	h.Handle(t, event)
	return t.Finish(), nil
}

// obey does what the owner asks for.
func obey(t *turn, command string) {
	switch command {
	case "login", "probe":
		t.State.old = false
		connect(t)
	case "logout":
		t.off() // without a goodbye: so the server tells on presenceTopic that the client is gone
		t.status(wit.ConnectionStateDisconnected, "logged out: `carapace call channels.start` with the channel connects again")
	}
}
