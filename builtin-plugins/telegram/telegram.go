// Package telegram is a Telegram bot as a chat channel.
//
// Updates come by long polling or by a webhook. A poll is a request in an answer: its response becomes
// messages and a new offset, which the kernel commits together, and only then the next request, whose
// offset tells Telegram that what came before is not needed again. So a crash at any point makes
// Telegram deliver again what was not committed, and the ids of messages make what was committed
// twice be kept once.
//
// Ids are "<chat>:<message>", since Telegram counts messages per chat; what has no message id of its own
// (edits, reactions, pressed buttons, membership) has "u<update>".
//
// A message with files waits in the state until getFile has said where each file is, and nothing
// after it is asked for meanwhile, so order is kept.
//
// Nothing is kept in memory between calls.
package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// Telegram is the channel. It has no state and may be used by several goroutines.
type Telegram struct{}

// New returns the channel, which is also an Editor, Deleter, Reactor, Typer and Skipper.
func New() channel.Channel { return Telegram{} }

var (
	_ channel.Editor  = Telegram{}
	_ channel.Deleter = Telegram{}
	_ channel.Reactor = Telegram{}
	_ channel.Typer   = Telegram{}
	_ channel.Skipper = Telegram{}
)

// Event answers what happened to an account.
func (Telegram) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	t, err := newTurn(host, event)
	if err != nil {
		return nil, err
	}
	switch event.Kind {
	case wit.EventKindStart:
		t.start()
	case wit.EventKindResponse:
		t.response()
	case wit.EventKindTimer:
		t.timer()
	case wit.EventKindWebhook:
		t.webhook()
	case wit.EventKindCommand:
		t.command()
	}
	return t.answer(), nil
}

// Skip steps over a response that could not be handled: what it brought counts as seen.
func (Telegram) Skip(host *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	t, err := newTurn(host, event)
	if err != nil {
		return nil, err
	}
	t.state.held = nil
	if event.Response != nil {
		for update := range decode(event.Response).result.Items() {
			t.state.offset = update.Get("update_id").Int() + 1
		}
	}
	return &wit.NewState{State: t.state.json()}, nil
}

func (t *turn) command() {
	if t.event.Command == nil {
		return
	}
	switch t.event.Command.Name {
	case "login":
		t.start()
	case "probe":
		t.probe()
	case "logout":
		t.state.generation++ // what is under way is nobody's any more
		t.clearTimers()
		t.status(wit.ConnectionStateDisconnected, "logged out; log in again to receive messages")
	}
}

// probe says how the account is now, and asks Telegram. Neither touches the poll that is under way.
func (t *turn) probe() {
	if t.state.me.id != "" && t.state.fails == 0 {
		t.status(wit.ConnectionStateConnected, "")
	} else {
		t.status(wit.ConnectionStateConnecting, "")
	}
	t.ask(askProbe, "getMe", nil)
}

func (t *turn) probed(r result) {
	if err := r.err(); err != nil {
		t.status(wit.ConnectionStateDisconnected, err.Error())
		return
	}
	me := readPerson(r.result)
	if t.isAnother(me) {
		t.start() // what is under way asks for the other one's updates
		return
	}
	t.state.me = me
	t.status(wit.ConnectionStateConnected, "")
}
