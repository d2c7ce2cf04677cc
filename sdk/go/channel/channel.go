// Package channel is for plugins that are chat channels.
//
// A channel implements Channel, and of the optional interfaces those that its platform can do; the
// manifest's `operations` lists the same. Event is pure: it computes an answer from an event and the
// account's state and may not use HTTP. The kernel commits the answer's messages and state together and
// only then makes its requests and sends its frames, so an event may come again after a crash, with the
// state of before. Send and the optional methods may use HTTP and run on instances of their own, in
// order per conversation.
//
// An event whose handling fails is tried again three times; then Skip, if there is one, gives the state
// that steps over it.
package channel

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

// Channel is what every channel can do.
type Channel interface {
	// Event answers what happened to an account. A nil answer changes nothing.
	Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error)
	// Send delivers a message and returns the platform's ids of it. The same idempotency key may come
	// again. Errors that pass on their own are retryable; the kernel waits RetryAfter.
	Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error)
}

// Editor can change what was sent.
type Editor interface {
	Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error)
}

// Deleter can take back what was sent.
type Deleter interface {
	Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error)
}

// Reactor can answer a message with an emoji.
type Reactor interface {
	React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error)
}

// Typer can show that an answer is being written.
type Typer interface {
	Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error)
}

// Poller can ask a question with options.
type Poller interface {
	Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error)
}

// Skipper gives the state that steps over an event that could not be handled.
type Skipper interface {
	Skip(host *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error)
}

// Migrator gives this version's form of the state that another version left.
type Migrator interface {
	Migrate(host *sdk.Host, migration *wit.Migration) (*wit.NewState, error)
}

var plugins guest.Table[Channel]

// Register says that this module is, or holds, the channel id. It is called from an init function.
func Register(id string, channel Channel) { plugins.Register(id, channel) }

// Call calls an export of a channel by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, channel Channel, export string, input []byte) ([]byte, error) {
	switch export {
	case "channel_event":
		return guest.Handle(host, input, new(wit.ChannelEvent), channel.Event)
	case "channel_send":
		return guest.Handle(host, input, new(wit.ChannelSend), channel.Send)
	case "channel_edit":
		if c, ok := channel.(Editor); ok {
			return guest.Handle(host, input, new(wit.ChannelEdit), c.Edit)
		}
	case "channel_delete":
		if c, ok := channel.(Deleter); ok {
			return guest.Handle(host, input, new(wit.ChannelDelete), c.Delete)
		}
	case "channel_react":
		if c, ok := channel.(Reactor); ok {
			return guest.Handle(host, input, new(wit.ChannelReaction), c.React)
		}
	case "channel_typing":
		if c, ok := channel.(Typer); ok {
			return guest.Handle(host, input, new(wit.ChannelTyping), c.Typing)
		}
	case "channel_poll":
		if c, ok := channel.(Poller); ok {
			return guest.Handle(host, input, new(wit.ChannelPoll), c.Poll)
		}
	case "channel_skip":
		if c, ok := channel.(Skipper); ok {
			return guest.Handle(host, input, new(wit.ChannelEvent), c.Skip)
		}
	case "channel_migrate":
		if c, ok := channel.(Migrator); ok {
			return guest.Handle(host, input, new(wit.Migration), c.Migrate)
		}
	}
	return nil, guest.Missing(export)
}
