// Package nextcloud is a user of a Nextcloud as a chat channel, over the OCS API of its app Talk (nextcloud-talk.readthedocs.io;
// names in comments are titles of its chapters, or of the developer manual of Nextcloud where they say so).
//
// Talk knows bots of its own too, which the server calls by a webhook. They can be installed from the server's command line only, need
// an address that the server reaches, and get no files, edits or deletions. A user needs an app password, works behind any router and
// sees all that people see; so that is what this plugin is.
//
// No call of the API tells what is new in all conversations and waits for it. So the list of those in which something has
// happened since is asked for every few seconds (rooms.go), and what is new is read in each of them behind the last message that
// was taken (chat.go). The few conversations in which something was said last are waited in by long polls, so that an answer to
// an answer comes at once. That costs the server a few waiting requests and a small one now and then, however many
// conversations there are. The place in each conversation is committed with what was read, so a crash has it read again, and
// the kernel knows by its id what it has.
//
// A send has the hash of the kernel's key as its referenceId, by which a second attempt finds what the first has sent (send.go).
//
// Nothing is kept in memory between calls. How to read it: Event below, then connect.go, rooms.go, chat.go;
// message.go makes messages; send.go is the way out, with file.go, edit.go and poll.go.
package nextcloud

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Nextcloud is the channel. It has no state and may be used by several goroutines.
type Nextcloud struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Poller, Finder and Skipper.
func New() channel.Channel { return Nextcloud{} }

var (
	_ channel.Editor  = Nextcloud{}
	_ channel.Deleter = Nextcloud{}
	_ channel.Reactor = Nextcloud{}
	_ channel.Poller  = Nextcloud{}
	_ channel.Finder  = Nextcloud{}
	_ channel.Skipper = Nextcloud{}
)

// Event answers what happened to an account. It fails only when the configuration or the state is not JSON; whatever
// the server answers leads to a next request, a timer, or a status that says what to do.
func (Nextcloud) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	a, err := newAnswer(host, event)
	if err != nil {
		return nil, err
	}
	handlers := account.Handlers[*answer]{Start: connect, Response: handleResponse, Timer: handleTimer, Command: handleCommand}
	handlers.Handle(a, event)
	return a.Finish(), nil
}

// Skip steps over a response that could not be handled: what it brought counts as read.
func (Nextcloud) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	s, err := readState(event.State)
	if err != nil {
		return nil, err
	}
	if event.Response != nil {
		kind, token, current := account.ParseRequestID[requestKind](event.Response.ID, s.generation)
		if room := s.rooms.find(token); current && kind == requestChat && room != nil {
			room.last, room.asked = max(room.last, lastIn(decode(event.Response))), notAsked
		}
		if current && kind == requestPoll {
			s.takeEnded(token)
		}
	}
	return &wit.NewState{State: s.json()}, nil
}
