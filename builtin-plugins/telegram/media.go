package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/wit"
)

// Telegram refuses some files in one form and takes them in another: a picture whose sides are too long or that it
// cannot decode is still a document, and where somebody takes no voice messages (a setting of theirs, or a right in a
// group) a sound may still come as music or as a document.

// way is how a file is sent: a method, and the name of the file's parameter.
type way struct{ method, field string }

// document is the form that takes any file.
var document = way{"sendDocument", "document"}

// formsFor returns the ways to send an attachment, in the order in which they are tried; none for kinds that cannot
// be sent.
func formsFor(a *wit.Attachment) []way {
	switch a.Kind {
	case wit.AttachmentKindImage:
		if a.Mime != nil && *a.Mime == "image/gif" {
			return []way{{"sendAnimation", "animation"}, document}
		}
		return []way{{"sendPhoto", "photo"}, document}
	case wit.AttachmentKindAudio:
		return []way{{"sendAudio", "audio"}, document}
	case wit.AttachmentKindVoice:
		return []way{{"sendVoice", "voice"}, {"sendAudio", "audio"}, document}
	case wit.AttachmentKindVideo:
		return []way{{"sendVideo", "video"}, document}
	case wit.AttachmentKindDocument, wit.AttachmentKindSticker:
		return []way{document}
	}
	return nil
}

// sendFile sends a part that is a file, in the first form that Telegram takes. If it takes none, what was written to
// the file is sent alone, with a line that says what is missing; a file to which nothing was written fails.
func sendFile(c *chat, p part, params params) result {
	r := result{Reply: reply.Failed(wit.NewError(wit.CodeInvalid, "Telegram bots cannot send a "+string(p.attachment.Kind)+" from here"))}
	for _, w := range formsFor(p.attachment) {
		r = sendAs(c, w, p, params)
		if !r.refused() {
			return r
		}
		c.host.Warn("telegram: " + w.method + " was refused: " + r.err().Error())
	}
	if !isVisible(p.text.plain) {
		return r
	}
	return c.callWithText("sendMessage", "text", p.text.with("", "\n\n["+attachment.Label(p.attachment)+" could not be sent]"), params)
}

// sendAs sends a file in one form: one of the media store is uploaded by the kernel, one on the web is fetched by
// Telegram.
func sendAs(c *chat, f way, p part, params params) result {
	switch a := p.attachment; {
	case a.Media != nil && *a.Media != "":
		params.file = &wit.HTTPPart{Name: f.field, Media: a.Media, FileName: a.Name, ContentType: a.Mime}
	case attachment.Public(a.Fetch):
		params = params.text(f.field, a.Fetch.URL)
	default:
		return result{Reply: reply.Failed(attachment.Missing())}
	}
	return c.callWithText(f.method, "caption", p.text, params)
}
