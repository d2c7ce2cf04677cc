package feishu

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both, the text first. A repeated send goes on where the first one failed. Of a message in
// which nothing can be seen nothing is sent, which is no error.
func (Feishu) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	if send.To.Thread != nil {
		c.replyTo, c.thread = *send.To.Thread, true
	}
	if send.ReplyTo != nil {
		c.replyTo = *send.ReplyTo
	}
	parts := partsOf(send)
	done := progress.Load(host, send.IdempotencyKey, len(parts))
	for i := len(done.Sent); i < len(parts); i++ {
		if i > 0 && !c.thread {
			c.replyTo = "" // only the first part is the answer
		}
		id, r := c.sendPart(parts[i], uuid(send.IdempotencyKey, i))
		if err := r.err(); err != nil {
			return nil, err
		}
		done.Add(id)
	}
	return &wit.Sent{IDs: done.Sent}, nil
}

// uuid is what Feishu knows a send by that comes again: 50 characters at most, for an hour.
func uuid(key string, part int) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(key)) // it never fails
	const digits = "0123456789abcdef"
	out := []byte{}
	for _, b := range h.Sum(nil) {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out) + "-" + strconv.Itoa(part)
}

// part is what becomes one message of Feishu's: a text with what can be chosen below it, or a file.
type part struct {
	text, plain string
	actions     []wit.ActionRow
	attachment  *wit.Attachment
}

// partsOf divides a message: the text, then each attachment, and what is written to it.
func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	if isVisible(send.Text) || len(send.Actions) > 0 {
		p := part{text: send.Text, plain: send.Text, actions: send.Actions}
		if send.Formatted != nil && *send.Formatted != "" {
			p.text = *send.Formatted
		}
		parts = append(parts, p)
	}
	for i := range send.Attachments {
		a := &send.Attachments[i]
		if words := wordsOf(a); words != "" {
			parts = append(parts, part{text: escaped(words), plain: words})
			continue
		}
		parts = append(parts, part{attachment: a})
		if a.Caption != nil && isVisible(*a.Caption) {
			parts = append(parts, part{text: escaped(*a.Caption), plain: *a.Caption})
		}
	}
	return parts
}

// sendPart sends one part and returns its id.
func (c *chat) sendPart(p part, uuid string) (id string, r result) {
	if p.attachment != nil {
		return c.sendFile(p.attachment, uuid)
	}
	return c.sendText(p, uuid)
}

// keepCard is how long the text of a card is remembered whose buttons may be taken away: that long a card can be changed.
const keepCard = 14 * 24 * time.Hour

// sendText sends a text as a card; one that Feishu refuses, as a plain text, in which what can be chosen can at least be read.
func (c *chat) sendText(p part, uuid string) (id string, r result) {
	id, r = c.post("interactive", card(c.to, p.text, p.plain, p.actions), uuid)
	if !r.refused() {
		if r.ok() && len(p.actions) > 0 {
			c.remember(id, p.text)
		}
		return id, r
	}
	c.host.Warn("feishu: a card was refused, and is sent as a plain text: " + r.message())
	return c.post("text", plainContent(p.plain, p.actions), uuid+"t")
}

// remember keeps the text of a card.
func (c *chat) remember(id, text string) {
	if err := c.host.KVPut("card/"+id, text, keepCard); err != nil {
		c.host.Warn("feishu: the text of a card cannot be remembered, so its buttons will stay: " + err.Error())
	}
}
