package whatsapp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// WhatsApp refuses some files in one form and takes them in another: a picture that is too large, or of a type that it does
// not show, is still a document.

// isFile reports whether an attachment is a file, and no place or contact.
func isFile(a *wit.Attachment) bool {
	return a.Kind != wit.AttachmentKindLocation && a.Kind != wit.AttachmentKindContact
}

// hasCaption reports whether WhatsApp shows a text with such a file.
func hasCaption(a *wit.Attachment) bool {
	switch a.Kind {
	case wit.AttachmentKindImage, wit.AttachmentKindVideo, wit.AttachmentKindDocument:
		return true
	}
	return false
}

// formsFor returns the types of messages that a file is sent as, in the order in which they are tried.
func formsFor(a *wit.Attachment) []string {
	switch a.Kind {
	case wit.AttachmentKindImage:
		return []string{"image", "document"}
	case wit.AttachmentKindVideo:
		return []string{"video", "document"}
	case wit.AttachmentKindAudio, wit.AttachmentKindVoice:
		return []string{"audio", "document"}
	case wit.AttachmentKindSticker:
		return []string{"sticker", "image", "document"}
	}
	return []string{"document"}
}

// sendAttachment sends a part that is a file, a place or a contact. If WhatsApp takes a file in no form, what was written to it
// is sent alone, with a line that says what is missing; a file to which nothing was written fails.
func (c *chat) sendAttachment(p part) (id string, r result) {
	switch p.attachment.Kind {
	case wit.AttachmentKindLocation:
		return c.sendPlace(p.attachment)
	case wit.AttachmentKindContact:
		return c.sendCard(p.attachment)
	}
	file, r := c.reference(p.attachment)
	if r.Success() {
		for _, form := range formsFor(p.attachment) {
			if id, r = c.post(form, content(form, file, p)); !r.refused() {
				return id, r
			}
			c.host.Warn("whatsapp: a file was refused as " + form + ": " + r.message())
		}
	}
	if !r.refused() || !isVisible(p.text) {
		return "", r
	}
	return c.sendText(p.text + "\n\n[" + attachment.Label(p.attachment) + " could not be sent]")
}

// reference says how a message names a file: one of the media store is uploaded by the kernel, and has an id; one on the web is
// fetched by WhatsApp.
func (c *chat) reference(a *wit.Attachment) (json.Object, result) {
	switch {
	case a.Media != nil && *a.Media != "":
		kind := "application/octet-stream"
		if a.Mime != nil && *a.Mime != "" {
			kind = *a.Mime
		}
		r := c.do(c.settings.upload(wit.HTTPPart{Name: "file", Media: a.Media, FileName: new(attachment.Label(a)), ContentType: &kind}, kind))
		return json.Object{}.Text("id", r.Value.Get("id").Text()), r
	case attachment.Public(a.Fetch):
		return json.Object{}.Text("link", a.Fetch.URL), result{Reply: reply.Reply{Status: 200}}
	}
	return nil, result{Reply: reply.Failed(attachment.Missing())}
}

// content is that of a message with a file.
func content(form string, file json.Object, p part) wit.JSON {
	o := append(json.Object(nil), file...)
	switch form {
	case "document":
		o = o.Text("filename", attachment.Label(p.attachment))
	case "audio":
		if p.attachment.Kind == wit.AttachmentKindVoice {
			o = o.Bool("voice", true)
		}
		return o.JSON()
	case "sticker":
		return o.JSON()
	}
	if isVisible(p.text) {
		o = o.Text("caption", p.text)
	}
	return o.JSON()
}

// sendPlace sends a place, whose degrees stand in its caption: latitude and longitude (Location messages).
func (c *chat) sendPlace(a *wit.Attachment) (id string, r result) {
	where := ""
	if a.Caption != nil {
		where = *a.Caption
	}
	latitude, longitude, ok := strings.Cut(where, ",")
	latitude, longitude = strings.TrimSpace(latitude), strings.TrimSpace(longitude)
	if !ok || !isDegrees(latitude) || !isDegrees(longitude) {
		return c.sendText(texts.Join(": ", "📍 "+attachment.Label(a), where))
	}
	o := json.Object{}.Text("latitude", latitude).Text("longitude", longitude)
	if a.Name != nil {
		o = o.Text("name", *a.Name)
	}
	return c.post("location", o.JSON())
}

// isDegrees reports whether s is a number with a point and a sign at most.
func isDegrees(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") < 2
}

// sendCard sends a contact, whose phone number stands in its caption (Contacts messages).
func (c *chat) sendCard(a *wit.Attachment) (id string, r result) {
	name := json.Object{}.Text("formatted_name", attachment.Label(a)).Text("first_name", attachment.Label(a))
	card := json.Object{}.Raw("name", name.JSON())
	if a.Caption != nil && *a.Caption != "" {
		card = card.Raw("phones", json.Array{}.Add(json.Object{}.Text("phone", *a.Caption).JSON()).JSON())
	}
	return c.post("contacts", json.Array{}.Add(card.JSON()).JSON())
}
