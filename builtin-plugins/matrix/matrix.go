// Package matrix is a Matrix account as a chat channel, over the client-server API, version 3 of its paths
// (spec.matrix.org/latest/client-server-api; names of sections in comments are that page's). Rooms that are not
// encrypted are read and written; of an encrypted one it is said, once, that nothing in it can be read.
//
// What is new comes by a long poll of /sync. Its response becomes messages and a token, which the kernel commits
// together, and only then makes the next request, which begins at that token. So a crash at any point has the server
// tell again what was not committed, and the kernel recognises by its id what was committed already: nothing is lost,
// nothing is taken twice. What goes out has the kernel's idempotency key as its transaction id, so the server itself
// makes one event of two attempts ("Transaction identifiers").
//
// A response may lack something that its messages need: older events of a room in which much was said (gap.go), what
// a message answers, or what a room is called (lookup.go). That is asked for first. Meanwhile the token stays where
// it was, or nothing is asked beyond it, so order is kept.
//
// Nothing is kept in memory between calls. How to read it: Event below, then answer.go, connect.go, response.go,
// sync.go; room.go and state.go say what is remembered; event.go makes messages of events, by content.go, relation.go
// and mention.go; send.go is the way out, with media.go, edit.go and direct.go.
package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Matrix is the channel. It has no state and may be used by several goroutines.
type Matrix struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Poller, Finder and Skipper.
func New() channel.Channel { return Matrix{} }

var (
	_ channel.Editor  = Matrix{}
	_ channel.Deleter = Matrix{}
	_ channel.Reactor = Matrix{}
	_ channel.Typer   = Matrix{}
	_ channel.Poller  = Matrix{}
	_ channel.Finder  = Matrix{}
	_ channel.Skipper = Matrix{}
)

var handlers = account.Handlers[*answer]{
	Start:    connect,
	Response: handleResponse,
	Timer:    handleTimer,
	Command:  handleCommand,
}

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// the server answers leads to a next request, a timer, or a status that says what to do.
func (Matrix) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a response that could not be handled: what a sync or a page of messages brought counts as seen.
func (Matrix) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	if event.Response != nil {
		kind, _, current := account.ParseRequestID[requestKind](event.Response.ID, s.generation)
		r := decode(event.Response)
		switch {
		case !current:
		case kind == requestSync:
			if next := r.Value.Get("next_batch").Text(); next != "" {
				s.since = next
			}
		case kind == requestPage:
			s.gap.next()
		}
	}
	s.lookups = nil
	return &wit.NewState{State: s.json()}, nil
}
