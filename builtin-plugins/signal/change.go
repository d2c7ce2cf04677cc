package signal

import (
	"cmp"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// openMessage returns the conversation of a message, and the parts of its id. The error is invalid.
func openMessage(host *sdk.Host, config, state wit.JSON, to wit.Conversation, id string) (c *chat, author, time string, err error) {
	if c, err = openChat(host, config, state, to); err != nil {
		return nil, "", "", err
	}
	author, time, ok := split(id)
	if !ok {
		return nil, "", "", wit.NewError(wit.CodeInvalid, id+" is not a message of Signal")
	}
	return c, author, time, nil
}

// Edit replaces the text of a message that was sent (send, --edit-timestamp). It keeps its id: Signal knows it by its first time.
func (Signal) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, _, time, err := openMessage(host, edit.Config, edit.State, edit.To, edit.ID)
	if err != nil {
		return nil, err
	}
	params := shown(edit.Text, edit.Formatted).add(c.params().Raw("editTimestamp", wit.JSON(time)))
	if r := c.call(c.settings.rpc("edit", "send", params)); !r.ok() {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{edit.ID}}, nil
}

// Delete takes a message back for everybody (remoteDelete).
func (Signal) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, _, time, err := openMessage(host, target.Config, target.State, target.To, target.ID)
	if err != nil {
		return nil, err
	}
	if r := c.call(c.settings.rpc("delete", "remoteDelete", c.params().Raw("targetTimestamp", wit.JSON(time)))); !r.ok() {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{target.ID}}, nil
}

// lastEmoji stands for whichever the account's reaction is, which is taken back whatever is named.
const lastEmoji = "👍"

// React sets the account's reaction to a message, or takes it back when the emoji is "" (sendReaction).
func (Signal) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, author, time, err := openMessage(host, reaction.Config, reaction.State, reaction.To, reaction.ID)
	if err != nil {
		return nil, err
	}
	params := c.params().Text("targetAuthor", author).Raw("targetTimestamp", wit.JSON(time)).Text("emoji", cmp.Or(reaction.Emoji, lastEmoji))
	if reaction.Emoji == "" {
		params = params.Bool("remove", true)
	}
	if r := c.call(c.settings.rpc("react", "sendReaction", params)); !r.ok() {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{reaction.ID}}, nil
}

// Typing shows for fifteen seconds that an answer is being written (sendTyping).
func (Signal) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := openChat(host, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	if typing.To.ID == c.settings.account {
		return &wit.Sent{}, nil // sendTyping knows no note to self
	}
	if r := c.call(c.settings.rpc("typing", "sendTyping", c.params())); !r.ok() {
		return nil, r.err()
	}
	return &wit.Sent{}, nil
}
