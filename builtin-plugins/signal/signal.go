// Package signal is a Signal account as a chat channel, through signal-cli's daemon over HTTP (man pages signal-cli(1) and
// signal-cli-jsonrpc(5), to which names of commands in comments belong): requests as JSON-RPC, events as a stream of
// server-sent events.
//
// An envelope is told once, on the stream: signal-cli has told Signal's server by then that it has it, and keeps it no longer.
// What the kernel has taken it has committed; what was on the wire when a connection broke is lost, which no plugin can
// mend. While nobody listens, a daemon whose receive mode is on-connection asks Signal for nothing, and Signal keeps it.
//
// Message ids are "<author>:<timestamp>", since Signal knows messages by these: the author is an account's id (ACI), or
// its number where signal-cli knows no more. People and direct conversations are known by the number, since that is what the owner
// writes down, or by the id of those who hide it.
//
// How to read it: Event below, then connect.go with login.go; envelope.go, message.go, content.go are the way in, send.go with
// style.go and change.go the way out; rpc.go is what a request is, result.go what its errors mean.
package signal

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Signal is the channel. It has no state and may be used by several goroutines.
type Signal struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer and Skipper.
func New() channel.Channel { return Signal{} }

var (
	_ channel.Editor  = Signal{}
	_ channel.Deleter = Signal{}
	_ channel.Reactor = Signal{}
	_ channel.Typer   = Signal{}
	_ channel.Skipper = Signal{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: handleResponse,
	Timer:    func(a *answer, _ string) { ask(a) },
	Opened:   opened,
	Message:  handleFrame,
	Closed:   closed,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON.
func (Signal) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over an event that could not be handled. The state says nothing of events.
func (Signal) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	return &wit.NewState{State: s.json()}, nil
}
