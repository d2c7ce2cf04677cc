package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Edit replaces the text of a message that was sent, and its buttons ("Update message card sent by the app"). What was sent as a
// plain text is changed as one ("Edit message").
func (Feishu) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := openChat(host, edit.Config, edit.To)
	if err != nil {
		return nil, err
	}
	text, plain := edit.Text, edit.Text
	if edit.Formatted != nil && *edit.Formatted != "" {
		text = *edit.Formatted
	}
	if edit.Text == "" { // the buttons alone: the text has to be said again
		stored, ok, err := host.KVGet("card/" + edit.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, wit.NewError(wit.CodeNotFound, "what the card says is not known any more, so its buttons stay")
		}
		text, plain = stored, stored
	}
	r := c.change("PATCH", edit.ID, json.Object{}.Text("content", string(card(c.to, text, plain, edit.Actions))))
	if r.refused() {
		again := c.change("PUT", edit.ID, json.Object{}.Text("msg_type", "text").Text("content", string(plainContent(plain, edit.Actions))))
		if !again.refused() {
			r = again
		}
	}
	if r.ok() && len(edit.Actions) > 0 {
		c.remember(edit.ID, text)
	}
	return c.done(edit.ID, r)
}

func (c *chat) change(method, id string, body json.Object) result {
	return c.call(method, "/im/v1/messages/"+form.Escape(id), body)
}

// Delete takes back a message that was sent ("Recall message"). One that is gone is what was wanted.
func (Feishu) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := openChat(host, target.Config, target.To)
	if err != nil {
		return nil, err
	}
	r := c.change("DELETE", target.ID, nil)
	if r.gone() {
		r = result{}
	}
	return c.done(target.ID, r)
}
