package telegram

import (
	"strings"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both. A short text is the caption of the first attachment, a
// longer one follows the attachments. A repeated send goes on where the first one failed.
func (Telegram) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	parts := partsOf(send)
	if len(parts) == 0 {
		return nil, wit.NewError(wit.CodeInvalid, "the message is empty")
	}
	common, err := commonParams(c, send)
	if err != nil {
		return nil, err
	}
	sent := loadProgress(host, send.IdempotencyKey, len(parts))
	for _, part := range parts[len(sent.ids):] {
		if len(sent.ids) > 0 {
			common.replyTo = "" // only the first part is the answer
		}
		r := sendPart(c, part, common)
		if err := r.err(); err != nil {
			return nil, err
		}
		sent.add(c.id + ":" + r.value.Get("message_id").Text())
	}
	return &wit.Sent{IDs: sent.ids}, nil
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
	text       string
	attachment *wit.Attachment
}

// maxCaption leaves a margin to Telegram's 1024 characters (sendPhoto, caption).
const maxCaption = 1000

// partsOf divides a message: a part for each attachment, then the text if it is nobody's caption.
func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	for i := range send.Attachments {
		p := part{attachment: &send.Attachments[i]}
		if p.attachment.Caption != nil {
			p.text = *p.attachment.Caption
		}
		parts = append(parts, p)
	}
	text := send.Text
	if len(parts) > 0 && parts[0].text == "" && lengthUTF16(text) <= maxCaption {
		parts[0].text, text = text, ""
	}
	if strings.TrimSpace(text) != "" {
		parts = append(parts, part{text: text})
	}
	return parts
}

// lengthUTF16 is the length of s as Telegram counts it.
func lengthUTF16(s string) int { return len(utf16.Encode([]rune(s))) }

// sendPart sends one part, with the parameters that all parts have.
func sendPart(c *chat, p part, params params) result {
	if p.attachment == nil {
		if c.settings.noPreview {
			params = params.withoutPreview()
		}
		return c.callWithText("sendMessage", "text", p.text, params)
	}
	method, field := methodFor(p.attachment)
	if method == "" {
		return result{failure: wit.NewError(wit.CodeInvalid, "Telegram bots cannot send a "+string(p.attachment.Kind)+" from here")}
	}
	switch a := p.attachment; {
	case a.Media != nil && *a.Media != "":
		params.file = &wit.HTTPPart{Name: field, Media: a.Media, FileName: a.Name, ContentType: a.Mime}
	case a.Fetch != nil && isPublic(a.Fetch):
		params = params.text(field, a.Fetch.URL)
	default:
		return result{failure: wit.NewError(wit.CodeInvalid, "an attachment has no file: put it in the media store first")}
	}
	return c.callWithText(method, "caption", p.text, params)
}

// isPublic reports whether Telegram can fetch a file by its URL alone ("Sending files").
func isPublic(fetch *wit.HTTPRequest) bool {
	return (fetch.Method == "" || fetch.Method == "GET") && len(fetch.Headers) == 0 && !strings.Contains(fetch.URL, "{{")
}

// methodFor returns the method that sends an attachment, and the name of its file's parameter; "" for
// kinds that cannot be sent.
func methodFor(a *wit.Attachment) (method, field string) {
	switch a.Kind {
	case wit.AttachmentKindImage:
		if a.Mime != nil && *a.Mime == "image/gif" {
			return "sendAnimation", "animation"
		}
		return "sendPhoto", "photo"
	case wit.AttachmentKindAudio:
		return "sendAudio", "audio"
	case wit.AttachmentKindVoice:
		return "sendVoice", "voice"
	case wit.AttachmentKindVideo:
		return "sendVideo", "video"
	case wit.AttachmentKindDocument, wit.AttachmentKindSticker:
		return "sendDocument", "document"
	}
	return "", ""
}
