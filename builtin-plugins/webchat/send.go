package webchat

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Send pushes a message to a visitor. The same one again changes nothing. Of a message in which nothing can be seen nothing is sent,
// which is no error.
func (Webchat) Send(_ *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	if send.Text == "" && len(send.Attachments)+len(send.Actions) == 0 {
		return &wit.Sent{}, nil
	}
	key := assistantKey + send.IdempotencyKey
	if len(key)+len(actionsKey) > maxKey {
		return nil, wit.NewError(wit.CodeTooLarge, "the idempotency key is too long for a message of the web chat")
	}
	p := push(send.To.ID, &key, message("assistant", send.Text, send.Formatted, send.Attachments, send.Actions))
	p.Files = filesOf(send.Attachments)
	return sent(send.To, key, p)
}

// Edit pushes a new text of a message with its buttons, or these alone.
func (Webchat) Edit(_ *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	if err := ours(edit.ID); err != nil {
		return nil, err
	}
	key, data := edit.ID+textKey, edited(edit)
	if edit.Text == "" {
		key, data = edit.ID+actionsKey, buttons(edit.Actions)
	}
	return sent(edit.To, edit.ID, push(edit.To.ID, &key, data))
}

// Delete takes a message back, with all that has become of it.
func (Webchat) Delete(_ *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	if err := ours(target.ID); err != nil {
		return nil, err
	}
	var pushes []wit.Push
	for _, part := range []string{"", textKey, actionsKey} {
		key := target.ID + part
		pushes = append(pushes, push(target.To.ID, &key, gone()))
	}
	return sent(target.To, target.ID, pushes...)
}

// ours refuses what is no message of the assistant's.
func ours(id string) error {
	if len(id) <= len(assistantKey) || id[:len(assistantKey)] != assistantKey || len(id)+len(actionsKey) > maxKey {
		return wit.NewError(wit.CodeNotFound, "there is no such message of the assistant's: ids of those of the web chat begin with a:")
	}
	return nil
}

// Typing shows for a few seconds that an answer is being written, to those that are connected.
func (Webchat) Typing(_ *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	return sent(typing.To, "", push(typing.To.ID, nil, json.Object{}.Text("kind", "typing").JSON()))
}
