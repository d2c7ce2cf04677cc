package slack

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// React sets an emoji at a message (reactions.add), or, with an empty one, takes back all that the bot has set there.
func (Slack) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, ts, err := openMessage(host, reaction.Account, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	at := form.Of("channel", c.channel, "timestamp", ts)
	if reaction.Emoji == "" {
		return c.takeBack(reaction.ID, at)
	}
	name := emoji.Name(reaction.Emoji)
	if name == "" {
		return nil, wit.NewError(wit.CodeInvalid, "Slack's name of the emoji "+reaction.Emoji+" is not known here: give the name, such as :eyes:")
	}
	return c.done(reaction.ID, c.call("reactions.add", at.With("name", name)), "already_reacted")
}

// takeBack removes each emoji that the bot has set at a message (reactions.get, reactions.remove).
func (c *chat) takeBack(id string, at form.Form) (*wit.Sent, error) {
	r := c.call("reactions.get", at.With("full", "true"))
	if err := r.err(); err != nil {
		return nil, err
	}
	for reaction := range r.Value.Get("message", "reactions").Items() {
		if !slices.Contains(reaction.Get("users").Texts(), c.state.me.user) {
			continue
		}
		if r := c.call("reactions.remove", at.With("name", reaction.Get("name").Text())); !r.ok && !r.is("no_reaction") {
			return nil, r.err()
		}
	}
	return &wit.Sent{IDs: []string{id}}, nil
}

// Typing shows in a thread that an answer is being written (assistant.threads.setStatus). Slack lets apps show that
// nowhere else, and not every app: where it does not, nothing is shown. The answer takes it away.
func (Slack) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	if typing.To.Thread == nil || !isTime(*typing.To.Thread) {
		return &wit.Sent{}, nil
	}
	c, err := newChat(host, typing.Account, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	r := c.call("assistant.threads.setStatus", form.Of("channel_id", c.channel, "thread_ts", *typing.To.Thread, "status", "is typing…"))
	if r.Failure == nil && !wit.CodeOf(r.err()).Transient() {
		return &wit.Sent{}, nil
	}
	return &wit.Sent{}, r.err()
}
