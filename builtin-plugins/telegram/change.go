package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// target checks a message's id against the chat that it should be in.
func (c *caller) target(id string) (params, error) {
	chat, message := splitID(id)
	if !digits(message) || chat != "" && chat != c.chat {
		return params{}, wit.NewError(wit.CodeInvalid, id+" is not a message of chat "+c.chat)
	}
	return params{}.raw("message_id", message), nil
}

// Edit replaces the text of a message that was sent.
func (Telegram) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := newCaller(host, edit.Config, edit.To)
	if err != nil {
		return nil, err
	}
	p, err := c.target(edit.ID)
	if err != nil {
		return nil, err
	}
	if c.settings.noPreview {
		p = p.raw("link_preview_options", `{"is_disabled":true}`)
	}
	r := c.formatted("editMessageText", "text", edit.Text, p)
	if r.code == 400 && r.says("message is not modified") {
		r.ok = true
	}
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

// Delete takes a message back. One that is gone already is no error.
func (Telegram) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := newCaller(host, target.Config, target.To)
	if err != nil {
		return nil, err
	}
	p, err := c.target(target.ID)
	if err != nil {
		return nil, err
	}
	r := c.call("deleteMessage", p)
	if r.code == 400 && r.says("message to delete not found") {
		r.ok = true
	}
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// React sets the bot's reaction to a message. Telegram takes only the emoji of its own list.
func (Telegram) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := newCaller(host, reaction.Config, reaction.To)
	if err != nil {
		return nil, err
	}
	p, err := c.target(reaction.ID)
	if err != nil {
		return nil, err
	}
	list := json.Array{}
	if reaction.Emoji != "" {
		list = list.Add(json.Object{}.Text("type", "emoji").Text("emoji", reaction.Emoji).JSON())
	}
	r := c.call("setMessageReaction", p.raw("reaction", string(list.JSON())))
	return &wit.Sent{IDs: []string{reaction.ID}}, r.err()
}

// Typing shows for five seconds that an answer is being written.
func (Telegram) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newCaller(host, typing.Config, typing.To)
	if err != nil {
		return nil, err
	}
	p, err := c.common(&wit.ChannelSend{To: typing.To})
	if err != nil {
		return nil, err
	}
	return &wit.Sent{}, c.call("sendChatAction", p.with("action", "typing")).err()
}
