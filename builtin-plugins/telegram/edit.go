package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns the chat of a message that was sent, and the parameter that names the message.
func openMessage(host *sdk.Host, config wit.JSON, to wit.Conversation, id string) (*chat, params, error) {
	c, err := newChat(host, config, to)
	if err != nil {
		return nil, params{}, err
	}
	p, err := c.message(id)
	return c, p, err
}

// Edit replaces the text of a message that was sent, and its buttons. What is the same already is no error: Telegram
// refuses it by the words below, and what was wanted is so. Buttons that are not named are gone (editMessageText and
// editMessageReplyMarkup, reply_markup).
func (Telegram) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, p, err := openMessage(host, edit.Config, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	p = p.withButtons(edit.Actions)
	var r result
	switch {
	case edit.Text == "":
		r = c.call("editMessageReplyMarkup", p)
	case c.settings.noPreview:
		r = c.callWithText("editMessageText", "text", wordsOf(edit.Text, edit.Formatted), p.withoutPreview())
	default:
		r = c.callWithText("editMessageText", "text", wordsOf(edit.Text, edit.Formatted), p)
	}
	if r.code == 400 && r.says("message is not modified") {
		r.ok = true
	}
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

// Delete takes a message back. One that is gone already is no error.
func (Telegram) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, p, err := openMessage(host, target.Config, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	r := c.call("deleteMessage", p)
	if r.code == 400 && r.says("message to delete not found") {
		r.ok = true
	}
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// React sets the bot's reaction to a message, or takes it back when the emoji is "". Telegram takes only the
// emoji of its own list (ReactionTypeEmoji).
func (Telegram) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, p, err := openMessage(host, reaction.Config, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	list := json.Array{}
	if reaction.Emoji != "" {
		list = list.Add(json.Object{}.Text("type", "emoji").Text("emoji", reaction.Emoji).JSON())
	}
	r := c.call("setMessageReaction", p.json("reaction", string(list.JSON())))
	return &wit.Sent{IDs: []string{reaction.ID}}, r.err()
}

// Typing shows for five seconds that an answer is being written (sendChatAction).
func (Telegram) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newChat(host, typing.Config, typing.To)
	if err != nil {
		return nil, err
	}
	p, err := c.topic(typing.To.Thread)
	if err != nil {
		return nil, err
	}
	p = p.text("action", "typing")
	r := c.call("sendChatAction", p)
	if c.leaves(r, p) {
		r = c.call("sendChatAction", p)
	}
	if c.movedTo != "" {
		return c.moved(typing.To), nil
	}
	return &wit.Sent{}, r.err()
}
