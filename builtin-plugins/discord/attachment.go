package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// flagVoice marks a message that is a recording (Message Flags, IS_VOICE_MESSAGE).
const flagVoice = 1 << 13

// attachments are a message's files and stickers. They are fetched when somebody wants them; the address ends after a day.
func (a *answer) attachments(d json.Value) (list []wit.Attachment) {
	voice := d.Get("flags").Int()&flagVoice != 0
	for f := range d.Get("attachments").Items() {
		list = append(list, readAttachment(f, voice))
	}
	for f := range d.Get("sticker_items").Items() {
		list = append(list, a.Settings.sticker(f))
	}
	return list
}

// readAttachment reads a file (Attachment Object).
func readAttachment(v json.Value, voice bool) wit.Attachment {
	var a wit.Attachment
	for key, f := range v.Fields() {
		switch key {
		case "filename":
			a.Name = account.Optional(f.Text())
		case "description":
			a.Caption = account.Optional(f.Text())
		case "content_type":
			a.Mime = account.Optional(f.Text())
		case "size":
			a.Size = new(f.Int())
		case "url":
			a.Fetch = fetch(f.Text())
		case "width":
			a.Width = attachment.Pixels(f)
		case "height":
			a.Height = attachment.Pixels(f)
		case "duration_secs":
			a.Duration = new(int64(f.Float() * 1000))
		}
	}
	a.Kind = kindOf(a.Mime)
	if voice {
		a.Kind = wit.AttachmentKindVoice
	}
	return a
}

// fetch describes fetching a file; nothing for what is no address.
func fetch(url string) *wit.HTTPRequest {
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return nil
	}
	return &wit.HTTPRequest{URL: url, Timeout: transferTimeout}
}

// kindOf is what a file is by its media type.
func kindOf(mime *string) wit.AttachmentKind {
	if mime == nil {
		return wit.AttachmentKindDocument
	}
	return attachment.Kind(*mime)
}

// Formats of stickers (Sticker Format Types); others are PNG.
const (
	stickerLottie = 3
	stickerGIF    = 4
)

// sticker reads a sticker (Sticker Item Object), whose file has an address of its own ("CDN Endpoints").
func (s settings) sticker(v json.Value) wit.Attachment {
	id, name := v.Get("id").Text(), v.Get("name").Text()
	a := wit.Attachment{Kind: wit.AttachmentKindSticker, Caption: account.Optional(name)}
	path, mime := "/stickers/"+id, "image/png"
	switch v.Get("format_type").Int() {
	case stickerLottie:
		path, mime = path+".json", "application/json"
	case stickerGIF:
		path, mime = path+".gif", "image/gif"
	default:
		path += ".png"
	}
	a.Mime = &mime
	switch {
	case !isID(id):
	case mime == "image/gif" && s.root == defaultRoot:
		a.Fetch = fetch("https://media.discordapp.net" + path)
	default:
		a.Fetch = fetch(s.cdn(path))
	}
	return a
}
