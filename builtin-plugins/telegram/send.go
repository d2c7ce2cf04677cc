package telegram

import (
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both. A short text is the caption of the first attachment, a
// longer one follows the attachments. A repeated send goes on where the first one failed. To a group that has become
// a supergroup nothing is sent: the kernel learns where it is now, and sends again. Of a message in which nothing can
// be seen nothing is sent, which is no error.
func (Telegram) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	parts := partsOf(send)
	common, err := commonParams(c, send)
	if err != nil {
		return nil, err
	}
	sent := progress.Load(host, send.IdempotencyKey, len(parts))
	for _, part := range parts[len(sent.Sent):] {
		if len(sent.Sent) > 0 {
			common.replyTo = "" // only the first part is the answer
		}
		if len(sent.Sent) == len(parts)-1 {
			common = common.withButtons(send.Actions)
		}
		r := sendPart(c, part, common)
		if c.movedTo != "" {
			return c.moved(send.To), nil
		}
		if err := r.err(); err != nil {
			return nil, err
		}
		sent.Add(c.id + ":" + r.Value.Get("message_id").Text())
	}
	return &wit.Sent{IDs: sent.Sent}, nil
}

// commonParams are the parameters that all parts have. A reply to what is not a message of this chat is
// sent as no reply.
func commonParams(c *chat, send *wit.ChannelSend) (params, error) {
	p, err := c.topic(send.To.Thread)
	if err != nil {
		return p, err
	}
	p.silent = send.Silent
	if send.ReplyTo != nil {
		chat, id := splitID(*send.ReplyTo)
		if (chat == "" || chat == c.id) && isNumber(id) {
			p.replyTo = id
		}
	}
	return p, nil
}

// part is what becomes one message of Telegram's: a text, or a file with its caption.
type part struct {
	text       words
	attachment *wit.Attachment
}

// maxCaption leaves a margin to Telegram's 1024 characters (sendPhoto, caption).
const maxCaption = 1000

// partsOf divides a message: a part for each attachment, then the text if it is nobody's caption. A caption that is
// too long for one follows its attachment.
func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	text := wordsOf(send.Text, send.Formatted)
	for i := range send.Attachments {
		p, own := part{attachment: &send.Attachments[i]}, words{}
		if p.attachment.Caption != nil {
			own.plain = *p.attachment.Caption
		}
		if i == 0 && own.plain == "" && lengthUTF16(text.plain) <= maxCaption {
			own, text = text, words{}
		}
		if lengthUTF16(own.plain) <= maxCaption {
			p.text, own = own, words{}
		}
		parts = append(parts, p)
		if own.plain != "" {
			parts = append(parts, part{text: own})
		}
	}
	if isVisible(text.plain) {
		parts = append(parts, part{text: text})
	}
	return parts
}

// lengthUTF16 is the length of s as Telegram counts it.
func lengthUTF16(s string) int { return len(utf16.Encode([]rune(s))) }

// sendPart sends one part, with the parameters that all parts have.
func sendPart(c *chat, p part, params params) result {
	if p.attachment != nil {
		return sendFile(c, p, params)
	}
	if c.settings.noPreview {
		params = params.withoutPreview()
	}
	return c.callWithText("sendMessage", "text", p.text, params)
}
