package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns the chat of a message that was sent, and the message's path.
func openMessage(host *sdk.Host, config, state wit.JSON, to wit.Conversation, id string) (*chat, string, error) {
	c, err := newChat(host, config, state, to)
	if err != nil {
		return nil, "", err
	}
	path, r := c.message(id)
	return c, path, r.err()
}

// Edit replaces the text of a message that was sent, and its buttons: those that are not named are gone (Edit Message).
func (Discord) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, path, err := openMessage(host, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	text := edit.Text
	if edit.Formatted != nil {
		text = *edit.Formatted
	}
	r := c.edit(path, text, edit.Actions)
	if text != edit.Text && r.hasFieldError("content") {
		r = c.edit(path, edit.Text, edit.Actions)
	}
	return &wit.Sent{IDs: []string{edit.ID}}, r.err()
}

// edit changes a message; an empty text leaves the one that it has.
func (c *chat) edit(path, text string, actions []wit.ActionRow) result {
	body := json.Object{}.Raw("components", components(actions))
	if text != "" {
		body = body.Text("content", text).Raw("allowed_mentions", c.settings.allowedMentions())
	}
	return c.call("PATCH", path, body.JSON())
}

// Delete takes a message back (Delete Message). One that is gone already is no error.
func (Discord) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, path, err := openMessage(host, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	r := c.call("DELETE", path, nil)
	if r.code == errorUnknownMessage {
		r.ok = true
	}
	return &wit.Sent{IDs: []string{target.ID}}, r.err()
}

// React adds an emoji of the bot to a message (Create Reaction), or with an empty one takes all of its own back.
func (Discord) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, path, err := openMessage(host, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	if reaction.Emoji == "" {
		return &wit.Sent{IDs: []string{reaction.ID}}, c.unreact(path)
	}
	r := c.call("PUT", path+"/reactions/"+emojiPath(reaction.Emoji)+"/@me", nil)
	return &wit.Sent{IDs: []string{reaction.ID}}, r.err()
}

// unreact takes back what the bot has set, which only the message tells (Delete Own Reaction).
func (c *chat) unreact(path string) error {
	message := c.call("GET", path, nil)
	if !message.ok {
		return message.err()
	}
	for reaction := range message.Value.Get("reactions").Items() {
		if !reaction.Get("me").Bool() {
			continue
		}
		emoji := reaction.Get("emoji", "name").Text()
		if id := reaction.Get("emoji", "id").Text(); id != "" {
			emoji += ":" + id
		}
		if r := c.call("DELETE", path+"/reactions/"+emojiPath(emoji)+"/@me", nil); !r.ok && r.code != errorUnknownEmoji {
			return r.err()
		}
	}
	return nil
}

// emojiPath writes an emoji for a path: a character, or name:id for one of a guild's own, also as texts have it.
func emojiPath(emoji string) string {
	emoji = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(emoji, "<"), "a:"), ">")
	emoji = strings.TrimPrefix(emoji, ":")
	return form.Escape(emoji)
}

// Typing shows for ten seconds that an answer is being written (Trigger Typing Indicator).
func (Discord) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newChat(host, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	if r := c.enter(); !r.ok {
		return nil, r.err()
	}
	r := c.call("POST", "/channels/"+c.channel+"/typing", nil)
	if c.leaves(r) {
		r = c.call("POST", "/channels/"+c.channel+"/typing", nil)
	}
	return &wit.Sent{}, r.err()
}

// Limits of a poll (Poll Create Request Object).
const (
	maxQuestion = 300
	maxAnswer   = 55
	maxAnswers  = 10
	pollHours   = 24
)

// Poll asks a question for a day.
func (Discord) Poll(host *sdk.Host, poll *wit.ChannelPoll) (*wit.Sent, error) {
	c, err := newChat(host, poll.Config, poll.State, poll.To)
	if err != nil {
		return nil, err
	}
	if len(poll.Options) > maxAnswers {
		return nil, wit.NewError(wit.CodeTooLarge, "a poll on Discord has ten answers at most")
	}
	if r := c.enter(); !r.ok {
		return nil, r.err()
	}
	answers, kept := json.Array{}, ballot.Poll{To: poll.To, Question: clipUTF16(poll.Question, maxQuestion)}
	for _, option := range poll.Options {
		kept.Options = append(kept.Options, clipUTF16(option, maxAnswer))
		answers = answers.Add(json.Object{}.Raw("poll_media", json.Object{}.Text("text", clipUTF16(option, maxAnswer)).JSON()).JSON())
	}
	asked := json.Object{}.Raw("question", json.Object{}.Text("text", kept.Question).JSON()).
		Raw("answers", answers.JSON()).Int("duration", pollHours).Bool("allow_multiselect", poll.MaxSelections > 1)
	body := json.Object{}.Raw("poll", asked.JSON())
	if n := nonce(poll.IdempotencyKey, 0); n != "" {
		body = body.Text("nonce", n).Bool("enforce_nonce", true)
	}
	r := c.call("POST", "/channels/"+c.channel+"/messages", body.JSON())
	kept.Message = messageID(c.channel, r.Value.Get("id").Text())
	if r.ok {
		kept.Keep(host, kept.Message)
	}
	return &wit.Sent{IDs: []string{kept.Message}}, r.err()
}
