package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Edit corrects a message of the bot's (XEP-0308), which is named by the bot's own id for it, and waits for the server's word, as of a
// message: a whole answer takes the place of its beginning so.
func (XMPP) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := newChat(host, edit.Account, edit.Config, edit.State, &edit.To)
	if err != nil {
		return nil, err
	}
	text := edit.Text
	if edit.Formatted != nil {
		text = *edit.Formatted
	}
	of := c.state.sentAs(c.to, edit.ID)
	if c.group && !strings.HasPrefix(of, tokenPrefix) {
		return nil, wit.NewError(wit.CodeNotFound, "the message is too old to be corrected, or is not the bot's")
	}
	token := correctionPrefix + hashed(of, text)
	xml, id := c.change(token, leaf("body", text)+styled(edit.Formatted)+tag("replace", "", "xmlns", nsCorrect, "id", of)), edit.ID
	if c.group {
		id = c.state.handedOnAs(c.to, of)
	} else {
		xml += c.asksWhether(token)
	}
	return &wit.Sent{Frames: []wit.Frame{frame(xml)}, IDs: []string{id}, Awaits: &wit.Awaited{Token: token, Within: confirmedWithin}}, nil
}

// Delete takes a message back (XEP-0424). Programs that do not know this are told in words.
func (XMPP) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := newChat(host, target.Account, target.Config, target.State, &target.To)
	if err != nil {
		return nil, err
	}
	inside := tag("retract", "", "xmlns", nsRetract, "id", target.ID) + tag("fallback", "", "xmlns", nsFallback, "for", nsRetract) +
		leaf("body", "A message was taken back, which this program does not do.") + tag("store", "", "xmlns", nsHints)
	return c.written(tokenPrefix+hashed("retract", target.ID), inside), nil
}

// React sets an emoji at a message, in place of those that the bot has there, or takes it back (XEP-0444).
func (XMPP) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := newChat(host, reaction.Account, reaction.Config, reaction.State, &reaction.To)
	switch {
	case err != nil:
		return nil, err
	case strings.HasPrefix(reaction.ID, madeUp):
		return nil, wit.NewError(wit.CodeInvalid, "the message has no id that a reaction could name")
	}
	emoji := ""
	if reaction.Emoji != "" {
		emoji = leaf("reaction", reaction.Emoji)
	}
	inside := tag("reactions", emoji, "xmlns", nsReactions, "id", reaction.ID) + tag("store", "", "xmlns", nsHints)
	return c.written(tokenPrefix+hashed("react", reaction.ID, reaction.Emoji), inside), nil
}

// Typing shows that an answer is being written (XEP-0085).
func (XMPP) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newChat(host, typing.Account, typing.Config, typing.State, &typing.To)
	if err != nil {
		return &wit.Sent{}, err
	}
	inside := tag("composing", "", "xmlns", nsChatStates) + tag("no-store", "", "xmlns", nsHints)
	return &wit.Sent{Frames: []wit.Frame{frame(tag("message", inside, "type", c.kind(), "to", c.to))}}, nil
}

// written is a message that nobody waits for.
func (c *chat) written(id, inside string) *wit.Sent {
	return &wit.Sent{Frames: []wit.Frame{frame(c.change(id, inside))}}
}

// change is a message that says something of another one.
func (c *chat) change(id, inside string) string {
	if c.occupant {
		inside += tag("x", "", "xmlns", nsMUCUser)
	}
	return tag("message", inside, "type", c.kind(), "to", c.to, "id", id)
}
