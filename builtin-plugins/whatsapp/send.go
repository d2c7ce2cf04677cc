package whatsapp

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// waitStatus is how long the status of a message is waited for, in milliseconds: of one that WhatsApp has taken, and of one whose
// answer was lost, which has been waited for already. What comes before the send waits counts too.
const waitStatus = 10_000

// Send delivers a text, attachments, or both. A short text is the caption of the first attachment, a longer one follows the
// attachments. A repeated send goes on where the first one failed. Where WhatsApp takes nothing but templates, the text goes in
// the configured one. Of a message in which nothing can be seen nothing is sent, which is no error.
func (WhatsApp) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	if send.ReplyTo != nil {
		c.replyTo = *send.ReplyTo
	}
	if c.settings.template != "" && c.state.people.find(c.id).closed {
		return c.sendAll(templates(send), send.IdempotencyKey+":template")
	}
	sent, err := c.sendAll(partsOf(send), send.IdempotencyKey)
	if c.shut && c.settings.template != "" {
		return c.sendAll(templates(send), send.IdempotencyKey+":template")
	}
	return sent, err
}

// sendAll sends the parts of a message, those that an earlier attempt has sent left out.
func (c *chat) sendAll(parts []part, key string) (*wit.Sent, error) {
	if len(parts) == 0 {
		return &wit.Sent{}, nil
	}
	sent := progress.Load(c.host, key, len(parts))
	for i := len(sent.Sent); i < len(parts); i++ {
		if i > 0 {
			c.replyTo = "" // only the first part is the answer
		}
		c.key = keyOf(key, i)
		id, r := c.sendPart(parts[i])
		if r.Lost() && i == len(parts)-1 && c.awaitable() {
			return &wit.Sent{IDs: sent.Sent, Awaits: &wit.Awaited{Token: c.key, Within: waitStatus}}, nil
		}
		if err := r.err(); err != nil {
			c.shut = r.closed()
			return nil, err
		}
		sent.Add(id)
	}
	out := &wit.Sent{IDs: sent.Sent, Moved: c.moved}
	if c.key = keyOf(key, len(parts)-1); c.awaitable() {
		out.Awaits = &wit.Awaited{Token: c.key, Within: waitStatus, Taken: true}
	}
	return out, nil
}

// maxKey bounds biz_opaque_callback_data, in characters.
const maxKey = 512

// keyOf is what comes back with the statuses of a part: "" for what is too long.
func keyOf(key string, part int) string {
	if key = key + "/" + strconv.Itoa(part); len(key) > maxKey {
		return ""
	}
	return key
}

// awaitable reports whether statuses tell what becomes of what was sent last. Until one has come it may be that none does.
func (c *chat) awaitable() bool { return c.state.statuses && c.key != "" }

// Typing shows for half a minute at most that an answer is being written, and so that the last message was read (Typing
// indicators). Where there is no last message, nothing can be shown, which is no error; neither is what is refused.
func (WhatsApp) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := openChat(host, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	last := c.state.people.find(c.id).last
	if last == "" {
		return &wit.Sent{}, nil
	}
	if r := c.call("messages", seen(last)); !r.Success() && !r.refused() {
		return nil, r.err()
	}
	return &wit.Sent{}, nil
}

// React sets the account's reaction to a message, or takes it back when the emoji is "" (Reaction messages).
func (WhatsApp) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := openChat(host, reaction.Config, reaction.State, reaction.To)
	if err != nil {
		return nil, err
	}
	if _, r := c.post("reaction", reacted(reaction.ID, reaction.Emoji)); !r.Success() {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{reaction.ID}}, nil
}
