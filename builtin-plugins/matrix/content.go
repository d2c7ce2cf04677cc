package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// readContent takes what a message consists of ("m.room.message msgtypes", "m.sticker"). Its text stays as it was
// written: what people's programs call body is near to Markdown already.
func (p *place) readContent(m *wit.Message, kind string, content json.Value) {
	body := content.Get("body").Text()
	if kind == "m.sticker" {
		p.attach(m, wit.AttachmentKindSticker, content)
		return
	}
	switch content.Get("msgtype").Text() {
	case "m.notice":
		// What programs say: nobody answers it, or two of them would never end.
		m.Kind, m.Sender.Bot, m.Text = wit.MessageKindService, true, body
	case "m.emote":
		m.Text = "* " + p.label(m.Sender) + " " + body
	case "m.image":
		p.attach(m, wit.AttachmentKindImage, content)
	case "m.audio":
		voice := wit.AttachmentKindAudio
		if content.Get("org.matrix.msc3245.voice").Exists() || content.Get("m.voice").Exists() {
			voice = wit.AttachmentKindVoice
		}
		p.attach(m, voice, content)
	case "m.video":
		p.attach(m, wit.AttachmentKindVideo, content)
	case "m.file":
		p.attach(m, wit.AttachmentKindDocument, content)
	case "m.location":
		m.Attachments = append(m.Attachments, wit.Attachment{
			Kind: wit.AttachmentKindLocation, Name: account.Optional(texts.Clip(body, maxQuoted)), Caption: account.Optional(coordinates(content.Get("geo_uri").Text())),
		})
	case "m.key.verification.request":
		m.Kind, m.Text = wit.MessageKindService, "[a request to compare keys, which cannot be answered from here]"
	default:
		m.Text = body
	}
}

// attach adds a file. A body that is not the file's name was written to it ("Media captions").
func (p *place) attach(m *wit.Message, kind wit.AttachmentKind, content json.Value) {
	body, name := content.Get("body").Text(), content.Get("filename").Text()
	if name == "" || name == body {
		name = body
	} else {
		m.Text = body
	}
	info := content.Get("info")
	a := wit.Attachment{
		Kind: kind, Name: account.Optional(texts.Clip(name, 255)), Mime: account.Optional(info.Get("mimetype").Text()), Width: attachment.Pixels(info.Get("w")), Height: attachment.Pixels(info.Get("h")),
	}
	if size := info.Get("size").Int(); size > 0 {
		a.Size = &size
	}
	if duration := info.Get("duration").Int(); duration > 0 {
		a.Duration = &duration
	}
	if kind == wit.AttachmentKindSticker {
		a.Name, a.Caption = nil, account.Optional(texts.Clip(body, 255))
	}
	a.Fetch = p.download(content.Get("url").Text())
	m.Attachments = append(m.Attachments, a)
}

// download describes fetching a file of the server's, nil for what is none, or is encrypted ("Content repository").
func (p *place) download(uri string) *wit.HTTPRequest {
	rest, found := strings.CutPrefix(uri, "mxc://")
	server, id, _ := strings.Cut(rest, "/")
	if !found || server == "" || id == "" || len(uri) > 1024 {
		return nil
	}
	path := "/_matrix/client/v1/media/download/"
	if p.State.legacy {
		path = "/_matrix/media/v3/download/"
	}
	fetch := p.Settings.request("", "GET", path+form.Escape(server)+"/"+form.Escape(id))
	fetch.Timeout = transferTimeout
	return &fetch
}

// coordinates are those of a geo URI, in degrees: latitude and longitude.
func coordinates(uri string) string {
	rest, _ := strings.CutPrefix(uri, "geo:")
	rest, _, _ = strings.Cut(rest, ";")
	return texts.Clip(rest, 64)
}

// pollText is what a poll asks, with a line for each answer ("Polls", and as programs wrote them before that).
func pollText(content json.Value) string {
	poll := content.Get("m.poll")
	if !poll.Exists() {
		poll = content.Get(pollStart)
	}
	text := "[poll] " + spoken(poll.Get("question"))
	for option := range poll.Get("answers").Items() {
		text += "\n- " + spoken(option)
	}
	return text
}

// spoken is the text of what may be written in several forms ("Extensible events").
func spoken(v json.Value) string {
	for form := range v.Get("m.text").Items() {
		return form.Get("body").Text()
	}
	return v.Get("org.matrix.msc1767.text").Text()
}
