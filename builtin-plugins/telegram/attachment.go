package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// readAttachment takes a field of a Message that is a file, a place or a contact, and reports whether it
// is one. Some kinds of files come without a media type; theirs is what Telegram converts them to.
func (p *post) readAttachment(key string, f json.Value) bool {
	switch key {
	case "photo":
		best := json.Value{}
		for size := range f.Items() {
			best = size // they come from the smallest to the largest
		}
		p.addFile(wit.AttachmentKindImage, best, "image/jpeg")
	case "animation", "video", "video_note":
		p.addFile(wit.AttachmentKindVideo, f, "video/mp4")
	case "audio":
		p.addFile(wit.AttachmentKindAudio, f, "audio/mpeg")
	case "voice":
		p.addFile(wit.AttachmentKindVoice, f, "audio/ogg")
	case "document":
		p.addFile(wit.AttachmentKindDocument, f, "")
	case "sticker":
		p.addFile(wit.AttachmentKindSticker, f, stickerType(f))
	case "location":
		p.add(wit.Attachment{Kind: wit.AttachmentKindLocation, Caption: new(coordinates(f))}, "")
	case "venue":
		p.venue(f)
	case "contact":
		p.add(wit.Attachment{Kind: wit.AttachmentKindContact, Name: account.Optional(readPerson(f).name), Caption: account.Optional(f.Get("phone_number").Text())}, "")
	default:
		return false
	}
	return true
}

// add keeps files and attachments at the same index; fileID is "" for what is not fetched: places, contacts, and files
// that are too large for bots.
func (p *post) add(a wit.Attachment, fileID string) {
	p.attachments, p.files = append(p.attachments, a), append(p.files, fileID)
}

// addFile adds what Telegram describes as a file. One that is too large for bots is named, but not fetched.
func (p *post) addFile(kind wit.AttachmentKind, v json.Value, mime string) {
	a, fileID := wit.Attachment{Kind: kind}, ""
	for key, f := range v.Fields() {
		switch key {
		case "file_id":
			fileID = f.Text()
		case "mime_type":
			mime = f.Text()
		case "file_name":
			a.Name = account.Optional(f.Text())
		case "file_size":
			a.Size = new(f.Int())
		case "emoji":
			a.Caption = account.Optional(f.Text())
		case "duration":
			a.Duration = new(f.Int() * 1000) // Telegram counts seconds
		case "width":
			a.Width = attachment.Pixels(f)
		case "height":
			a.Height = attachment.Pixels(f)
		case "length": // of a round video: its diameter (VideoNote)
			a.Width, a.Height = attachment.Pixels(f), attachment.Pixels(f)
		}
	}
	a.Mime = account.Optional(mime)
	if a.Size != nil && *a.Size > maxDownload {
		fileID = ""
	}
	p.add(a, fileID)
}

// stickerType returns the media type of a Sticker, which the API tells by two flags.
func stickerType(f json.Value) string {
	switch {
	case f.Get("is_video").Bool():
		return "video/webm"
	case f.Get("is_animated").Bool():
		return "application/x-tgsticker"
	}
	return "image/webp"
}

// venue adds a place that has a name.
func (p *post) venue(f json.Value) {
	where := f.Get("address").Text() + " (" + coordinates(f.Get("location")) + ")"
	p.add(wit.Attachment{Kind: wit.AttachmentKindLocation, Name: account.Optional(f.Get("title").Text()), Caption: &where}, "")
}

// coordinates are a Location's, in degrees: latitude and longitude, as maps understand them.
func coordinates(f json.Value) string {
	return string(f.Get("latitude").Raw()) + "," + string(f.Get("longitude").Raw())
}
