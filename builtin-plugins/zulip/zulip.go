// Package zulip is a Zulip bot as a chat channel, over the REST API of Zulip 7 and later (zulip.com/api; names in
// comments are the titles of its pages, or names of parameters and events there). A channel of Zulip's is a group whose topics are threads.
//
// What is new comes from an event queue of the server's: a long poll brings events, and the next one says how far they
// have been read. The kernel commits what events became together with that place before it makes the next poll, so the
// server tells again what was not committed, and the kernel knows by its id what was. A queue that nobody has polled for ten
// minutes is thrown away by the server; then another one is registered, and what was said meanwhile is fetched by the id of the
// last message that was seen (missed.go).
//
// A send is no request that the server knows when it comes again. So it is written down before it is made which message was
// the last one before it, and a second attempt looks for its message among those that came behind (once.go).
//
// Of an edit or a reaction the server tells the message's id, and not where that is. The latest messages are remembered
// (recent.go), and of others it is asked (lookup.go); meanwhile the place in the queue stays where it was.
//
// Nothing is kept in memory between calls. How to read it: Event below, then answer.go, connect.go, response.go, events.go,
// missed.go; message.go and change.go make messages of events, with text.go and file.go; send.go is the way out, with once.go,
// upload.go, edit.go and emoji.go.
package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Zulip is the channel. It has no state and may be used by several goroutines.
type Zulip struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer, Poller, Finder and Skipper.
func New() channel.Channel { return Zulip{} }

var (
	_ channel.Editor  = Zulip{}
	_ channel.Deleter = Zulip{}
	_ channel.Reactor = Zulip{}
	_ channel.Typer   = Zulip{}
	_ channel.Poller  = Zulip{}
	_ channel.Finder  = Zulip{}
	_ channel.Skipper = Zulip{}
)

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// the server answers leads to a next request, a timer, or a status that says what to do.
func (Zulip) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers := account.Handlers[*answer]{Start: connect, Response: handleResponse, Timer: handleTimer, Command: handleCommand}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a response that could not be handled: what it brought counts as seen.
func (Zulip) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	if event.Response != nil {
		kind, _, current := account.ParseRequestID[requestKind](event.Response.ID, s.generation)
		r := decode(event.Response)
		switch {
		case !current:
		case kind == requestEvents:
			for e := range r.Value.Get("events").Items() {
				s.last = max(s.last, e.Get("id").Int())
			}
		case kind == requestMissed:
			for m := range r.Value.Get("messages").Items() {
				s.seen = max(s.seen, m.Get("id").Int())
			}
		}
	}
	s.lookups = nil
	return &wit.NewState{State: (&s).json()}, nil
}
