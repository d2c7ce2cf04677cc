// Package webchat is a page on the web as a chat channel: visitors open it at the gateway's own address, or in a frame on the
// owner's site, and write to the assistant.
//
// The kernel serves the page, knows its visitors by tokens and holds their connections (wit/manifest.wit, visitor-facts); the
// plugin says what is in the page's files (page.go), makes messages of what its script calls (call.go), and pushes what the
// assistant says (send.go) in the form that the script shows (push.go). A visitor is a person and a direct conversation.
//
// Nothing is kept: what was said is kept for the visitors by the kernel, under keys that the plugin makes of the messages' ids,
// so that the same message twice is one.
package webchat

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// Webchat is the channel. It has no state and may be used by several goroutines.
type Webchat struct{}

// New returns the channel, which is also an Editor, Deleter, Typer, Pager and Skipper.
func New() channel.Channel { return Webchat{} }

var (
	_ channel.Editor  = Webchat{}
	_ channel.Deleter = Webchat{}
	_ channel.Typer   = Webchat{}
	_ channel.Pager   = Webchat{}
	_ channel.Skipper = Webchat{}
)

// Event answers what happened to an account. It fails only when the configuration is not JSON.
func (Webchat) Event(_ *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	settings, err := readSettings(event.Config)
	if err != nil {
		return nil, err
	}
	switch {
	case event.Kind == wit.EventKindStart, event.Kind == wit.EventKindCommand && event.Command != nil && event.Command.Name != "logout":
		return connected(settings), nil
	case event.Kind == wit.EventKindCommand:
		return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: new("logged out; visitors can write all the same: disable the account to close the page")}}, nil
	case event.Kind == wit.EventKindWebhook && event.Webhook != nil && event.Webhook.Visitor != nil:
		return called(settings, event), nil
	}
	return &wit.ChannelAnswer{}, nil
}

// connected says that the page is there: there is nothing else to connect to.
func connected(s settings) *wit.ChannelAnswer {
	return &wit.ChannelAnswer{Status: &wit.AccountStatus{
		State: wit.ConnectionStateConnected, Self: &wit.Person{ID: "assistant", Name: new(s.title), Bot: true},
	}}
}

// Skip steps over a call that could not be handled. There is no state.
func (Webchat) Skip(_ *sdk.Host, event *wit.ChannelEvent) (*wit.NewState, error) {
	return &wit.NewState{State: event.State}, nil
}
