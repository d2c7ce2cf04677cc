package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Messages takes plugins' messages for delivery.
type Messages interface {
	// Send queues a message of a plugin that has this id, and whose context is c, unless admit refuses the channel that it
	// goes through. The same id again is the same message. Errors: CodeInvalid and CodeNotFound for a conversation that
	// there is not; admit's; the store's.
	Send(ctx context.Context, id string, c wit.HookContext, m *wit.OutgoingMessage, admit func(channel string) error) error
}

// messages sends a plugin's messages.
type messages struct {
	plugin     string
	permission *wit.MessagePermission // nil without it
	media      bool                   // the permission media
	messages   Messages               // nil where there are none
	rate       *bucket
}

// Send is the guest's. That it is done says that the message will be sent, and tried again where that fails.
func (m messages) Send(ctx context.Context, out *wit.OutgoingMessage) (*wit.MessageQueued, error) {
	call := CallOf(ctx)
	if err := m.refusal(call, out); err != nil {
		return nil, err
	}
	if wait := m.rate.take(); wait > 0 {
		return nil, tooOften("message", wait)
	}
	id := "plugin:" + m.plugin + ":" + out.IdempotencyKey
	if err := m.messages.Send(ctx, id, call.At, out, m.admit); err != nil {
		return nil, err
	}
	return &wit.MessageQueued{Delivery: id}, nil
}

// refusal is why a message is not even looked at.
func (m messages) refusal(call Call, out *wit.OutgoingMessage) error {
	if err := call.asking("message"); err != nil {
		return err
	}
	switch {
	case call.Hook == wit.HookNameMessageSending || call.Hook == wit.HookNameMessageSent:
		return wit.Errorf(wit.CodeForbidden, "message: a hook at %s would be asked about its own message, without end: set a later call that sends it", call.Hook)
	case m.messages == nil:
		return wit.NewError(wit.CodeUnavailable, "message: this gateway delivers nothing")
	case len(out.Attachments) > 0 && !m.media:
		return forbidden(m.plugin, "media")
	}
	return nil
}

// admit refuses a channel that the permission does not name.
func (m messages) admit(channel string) error {
	return within(m.plugin, "messageSend", "channels", m.permission.Channels, channel)
}
